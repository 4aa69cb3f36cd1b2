/// `text_encoder/config.json` of a T5Gemma encoder: flat keys, or below `encoder` where a whole T5Gemma was saved.
public struct T5GemmaConfiguration: Decodable, Hashable, Sendable {
    /// Ids there are.
    public let vocabularySize: Int
    /// Width of a token.
    public let hiddenSize: Int
    /// Width of the MLP.
    public let intermediateSize: Int
    /// Layers.
    public let layerCount: Int
    /// Query heads; times `headWidth` they need not make `hiddenSize`.
    public let headCount: Int
    /// Key and value heads.
    public let keyHeadCount: Int
    /// Width of a head.
    public let headWidth: Int
    /// Scores are divided by the square root of this.
    public let queryScalar: Double
    /// Scores are capped at this, softly; nil for no cap.
    public let softCap: Double?
    /// A sliding layer's query sees keys at most so far away.
    public let slidingWindow: Int
    /// Which layers are sliding.
    public let isSliding: [Bool]
    /// Base of the rotary frequencies.
    public let ropeTheta: Double
    /// RMSNorm's epsilon.
    public let epsilon: Double

    private enum CodingKeys: String, CodingKey {
        case vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads
        case head_dim, query_pre_attn_scalar, attn_logit_softcapping, sliding_window, layer_types, rms_norm_eps
        case rope_theta, rope_parameters, encoder
    }

    private struct RopeParameters: Decodable {
        let rope_theta: Double?
    }

    /// Reads the keys of transformers 4 and 5; what is missing has the published 2B model's value.
    public init(from decoder: any Decoder) throws {
        let top = try decoder.container(keyedBy: CodingKeys.self)
        let values = top.contains(.encoder) ? try top.nestedContainer(keyedBy: CodingKeys.self, forKey: .encoder) : top
        func int(_ key: CodingKeys, _ standard: Int) throws -> Int {
            try values.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        vocabularySize = try int(.vocab_size, 256_000)
        hiddenSize = try int(.hidden_size, 2304)
        intermediateSize = try int(.intermediate_size, 9216)
        let layers = try int(.num_hidden_layers, 26)
        layerCount = layers
        headCount = try int(.num_attention_heads, 8)
        keyHeadCount = try int(.num_key_value_heads, 4)
        headWidth = try int(.head_dim, 256)
        queryScalar = try values.decodeIfPresent(Double.self, forKey: .query_pre_attn_scalar) ?? 256
        // A key that is there and null switches the cap off; a missing one is the published model's.
        softCap =
            values.contains(.attn_logit_softcapping)
            ? try values.decodeIfPresent(Double.self, forKey: .attn_logit_softcapping) : 50
        slidingWindow = try int(.sliding_window, 4096)
        let types = try values.decodeIfPresent([String].self, forKey: .layer_types)
        isSliding =
            types.map { $0.map { $0 == "sliding_attention" } } ?? (0..<max(0, min(layers, 1024))).map { $0 % 2 == 0 }
        let parameters = try values.decodeIfPresent(RopeParameters.self, forKey: .rope_parameters)
        ropeTheta = try parameters?.rope_theta ?? values.decodeIfPresent(Double.self, forKey: .rope_theta) ?? 10_000
        epsilon = try values.decodeIfPresent(Double.self, forKey: .rms_norm_eps) ?? 1e-6
    }

    func validate(file: String) throws(PRXError) {
        try ConfigFile.check(vocabularySize, "vocab_size", in: 1...4_000_000, file: file)
        try ConfigFile.check(hiddenSize, "hidden_size", in: 1...65_536, file: file)
        try ConfigFile.check(intermediateSize, "intermediate_size", in: 1...524_288, file: file)
        try ConfigFile.check(layerCount, "num_hidden_layers", in: 1...1024, file: file)
        try ConfigFile.check(headCount, "num_attention_heads", in: 1...1024, file: file)
        try ConfigFile.check(keyHeadCount, "num_key_value_heads", in: 1...1024, file: file)
        try ConfigFile.check(headWidth, "head_dim", in: 2...4096, file: file)
        try ConfigFile.check(slidingWindow, "sliding_window", in: 0...1_000_000, file: file)
        guard headCount % keyHeadCount == 0, headWidth % 2 == 0, ropeTheta > 0, queryScalar > 0, softCap ?? 1 > 0 else {
            throw PRXError(
                .badCheckpoint,
                "\(file): num_attention_heads must be a multiple of num_key_value_heads, head_dim even, and rope_theta, query_pre_attn_scalar and attn_logit_softcapping positive"
            )
        }
        guard isSliding.count == layerCount else {
            throw PRXError(
                .badCheckpoint, "\(file): layer_types has \(isSliding.count) entries for \(layerCount) layers")
        }
    }

    var expectedTensors: [String: [Int]] {
        var shapes = ["embed_tokens.weight": [vocabularySize, hiddenSize], "norm.weight": [hiddenSize]]
        for index in 0..<layerCount {
            let layer = "layers.\(index)."
            for norm in T5GemmaEncoder.normNames { shapes[layer + norm + ".weight"] = [hiddenSize] }
            shapes[layer + "self_attn.q_proj.weight"] = [headCount * headWidth, hiddenSize]
            shapes[layer + "self_attn.k_proj.weight"] = [keyHeadCount * headWidth, hiddenSize]
            shapes[layer + "self_attn.v_proj.weight"] = [keyHeadCount * headWidth, hiddenSize]
            shapes[layer + "self_attn.o_proj.weight"] = [hiddenSize, headCount * headWidth]
            shapes[layer + "mlp.gate_proj.weight"] = [intermediateSize, hiddenSize]
            shapes[layer + "mlp.up_proj.weight"] = [intermediateSize, hiddenSize]
            shapes[layer + "mlp.down_proj.weight"] = [hiddenSize, intermediateSize]
        }
        return shapes
    }
}
