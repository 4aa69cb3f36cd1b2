/// `text_encoder/config.json` of a Qwen3-VL text tower, in the keys of transformers 4 and 5.
public struct Qwen3VLTextConfiguration: Hashable, Sendable {
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

    /// Reads the keys at the top level, or below `text_config` where a whole Qwen3-VL was saved.
    /// - Throws: ``PRXError`` for what upstream refuses, and for what is not understood.
    init(_ top: ConfigReader) throws(PRXError) {
        let nested = try top.object("text_config")
        if nested != nil { top.leaveTheRest() }
        let config = nested ?? top
        vocabularySize = try config.int("vocab_size", nil, in: 1...4_000_000)
        hiddenSize = try config.int("hidden_size", nil, in: 1...65_536)
        intermediateSize = try config.int("intermediate_size", nil, in: 1...524_288)
        layerCount = try config.int("num_hidden_layers", nil, in: 1...1024)
        headCount = try config.int("num_attention_heads", nil, in: 1...1024)
        keyHeadCount = try config.optionalInt("num_key_value_heads", in: 1...1024) ?? headCount
        headWidth = try config.optionalInt("head_dim", in: 2...4096) ?? hiddenSize / headCount
        epsilon = try config.number("rms_norm_eps", 1e-6, in: 0...1)
        ropeTheta = try TextEncoderConfig.ropeTheta(config, standard: 5_000_000)
        try config.demand("hidden_act", .text("silu"))
        try config.demand("layer_types", .null, .list(Array(repeating: .text("full_attention"), count: layerCount)))
        try config.demand("use_sliding_window", .flag(false), .null)
        try config.demand("sliding_window", .null)
        try TextEncoderConfig.finish(config)
        guard headCount % keyHeadCount == 0 else {
            throw config.error(
                "num_attention_heads", "is \(headCount), no multiple of num_key_value_heads \(keyHeadCount)")
        }
        guard headWidth >= 2, headWidth % 2 == 0 else {
            throw config.error("head_dim", "is \(headWidth), expected an even number")
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
