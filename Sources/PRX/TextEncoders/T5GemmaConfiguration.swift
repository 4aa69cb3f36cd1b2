/// `text_encoder/config.json` of a T5Gemma encoder: flat keys, or below `encoder` where a whole T5Gemma was saved.
public struct T5GemmaConfiguration: Hashable, Sendable {
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

    /// Reads the keys of transformers 4 and 5; what is missing has the published 2B model's value.
    /// - Throws: ``PRXError`` for what upstream refuses, and for what is not understood.
    init(_ top: ConfigReader) throws(PRXError) {
        let nested = try top.object("encoder")
        if nested != nil { top.leaveTheRest() }
        let config = nested ?? top
        vocabularySize = try config.int("vocab_size", 256_000, in: 1...4_000_000)
        hiddenSize = try config.int("hidden_size", 2304, in: 1...65_536)
        intermediateSize = try config.int("intermediate_size", 9216, in: 1...524_288)
        let layers = try config.int("num_hidden_layers", 26, in: 1...1024)
        layerCount = layers
        headCount = try config.int("num_attention_heads", 8, in: 1...1024)
        keyHeadCount = try config.int("num_key_value_heads", 4, in: 1...1024)
        headWidth = try config.int("head_dim", 256, in: 2...4096)
        queryScalar = try config.number("query_pre_attn_scalar", 256, in: ConfigReader.positive)
        // A key that is there and null switches the cap off; a missing one is the published model's.
        softCap = try config.optionalNumber("attn_logit_softcapping", 50, in: ConfigReader.positive)
        slidingWindow = try config.int("sliding_window", 4096, in: 0...1_000_000)
        let types = try config.words("layer_types", nil, among: ["sliding_attention", "full_attention"])
        isSliding = types.map { $0.map { $0 == "sliding_attention" } } ?? (0..<layers).map { $0 % 2 == 0 }
        ropeTheta = try TextEncoderConfig.ropeTheta(config, standard: 10_000)
        epsilon = try config.number("rms_norm_eps", 1e-6, in: 0...1)
        try config.demand("hidden_activation", .text("gelu_pytorch_tanh"))
        try config.demand("hidden_act", .text("gelu_pytorch_tanh"))
        try config.demand("is_decoder", .flag(false))
        try TextEncoderConfig.finish(config)
        guard headCount % keyHeadCount == 0 else {
            throw config.error(
                "num_attention_heads", "is \(headCount), no multiple of num_key_value_heads \(keyHeadCount)")
        }
        guard headWidth % 2 == 0 else { throw config.error("head_dim", "is \(headWidth), expected an even number") }
        guard isSliding.count == layerCount else {
            throw config.error("layer_types", "has \(isSliding.count) entries for \(layerCount) layers")
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
