/// `text_encoder/config.json` of a Qwen3-VL text tower, in the keys of transformers 4 and 5.
public struct Qwen3VLTextConfiguration: Decodable, Hashable, Sendable {
    /// Ids there are.
    public let vocabularySize: Int
    /// Width of a token.
    public let hiddenSize: Int
    /// Width of the MLP.
    public let intermediateSize: Int
    /// Layers.
    public let layerCount: Int
    /// Query heads.
    public let headCount: Int
    /// Key and value heads.
    public let keyHeadCount: Int
    /// Width of a head.
    public let headWidth: Int
    /// RMSNorm's epsilon.
    public let epsilon: Double
    /// Base of the rotary frequencies.
    public let ropeTheta: Double

    private enum CodingKeys: String, CodingKey {
        case vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads
        case head_dim, rms_norm_eps, rope_theta, rope_parameters, text_config
    }

    private struct RopeParameters: Decodable {
        let rope_theta: Double?
    }

    /// Reads the keys at the top level, or below `text_config` where a whole Qwen3-VL was saved.
    public init(from decoder: any Decoder) throws {
        let top = try decoder.container(keyedBy: CodingKeys.self)
        let values =
            top.contains(.text_config) ? try top.nestedContainer(keyedBy: CodingKeys.self, forKey: .text_config) : top
        vocabularySize = try values.decode(Int.self, forKey: .vocab_size)
        hiddenSize = try values.decode(Int.self, forKey: .hidden_size)
        intermediateSize = try values.decode(Int.self, forKey: .intermediate_size)
        layerCount = try values.decode(Int.self, forKey: .num_hidden_layers)
        headCount = try values.decode(Int.self, forKey: .num_attention_heads)
        keyHeadCount = try values.decodeIfPresent(Int.self, forKey: .num_key_value_heads) ?? headCount
        headWidth = try values.decodeIfPresent(Int.self, forKey: .head_dim) ?? (hiddenSize / max(1, headCount))
        epsilon = try values.decodeIfPresent(Double.self, forKey: .rms_norm_eps) ?? 1e-6
        let parameters = try values.decodeIfPresent(RopeParameters.self, forKey: .rope_parameters)
        ropeTheta =
            try parameters?.rope_theta ?? values.decodeIfPresent(Double.self, forKey: .rope_theta) ?? 5_000_000
    }

    func validate(file: String) throws(PRXError) {
        try ConfigFile.check(vocabularySize, "vocab_size", in: 1...4_000_000, file: file)
        try ConfigFile.check(hiddenSize, "hidden_size", in: 1...65_536, file: file)
        try ConfigFile.check(intermediateSize, "intermediate_size", in: 1...524_288, file: file)
        try ConfigFile.check(layerCount, "num_hidden_layers", in: 1...1024, file: file)
        try ConfigFile.check(headCount, "num_attention_heads", in: 1...1024, file: file)
        try ConfigFile.check(keyHeadCount, "num_key_value_heads", in: 1...1024, file: file)
        try ConfigFile.check(headWidth, "head_dim", in: 2...4096, file: file)
        guard headCount % keyHeadCount == 0, headWidth % 2 == 0, ropeTheta > 0 else {
            throw PRXError(
                .badCheckpoint,
                "\(file): num_attention_heads must be a multiple of num_key_value_heads, head_dim even, rope_theta positive"
            )
        }
    }

    var expectedTensors: [String: [Int]] {
        var shapes = ["embed_tokens.weight": [vocabularySize, hiddenSize], "norm.weight": [hiddenSize]]
        for index in 0..<layerCount {
            let layer = "layers.\(index)."
            shapes[layer + "input_layernorm.weight"] = [hiddenSize]
            shapes[layer + "post_attention_layernorm.weight"] = [hiddenSize]
            shapes[layer + "self_attn.q_proj.weight"] = [headCount * headWidth, hiddenSize]
            shapes[layer + "self_attn.k_proj.weight"] = [keyHeadCount * headWidth, hiddenSize]
            shapes[layer + "self_attn.v_proj.weight"] = [keyHeadCount * headWidth, hiddenSize]
            shapes[layer + "self_attn.o_proj.weight"] = [hiddenSize, headCount * headWidth]
            shapes[layer + "self_attn.q_norm.weight"] = [headWidth]
            shapes[layer + "self_attn.k_norm.weight"] = [headWidth]
            shapes[layer + "mlp.gate_proj.weight"] = [intermediateSize, hiddenSize]
            shapes[layer + "mlp.up_proj.weight"] = [intermediateSize, hiddenSize]
            shapes[layer + "mlp.down_proj.weight"] = [hiddenSize, intermediateSize]
        }
        return shapes
    }
}
