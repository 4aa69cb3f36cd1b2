/// `transformer/config.json`, with upstream's keys and defaults.
public struct PRXTransformerConfiguration: Hashable, Sendable {
    /// Channels of the latents, or 3 for pixels.
    public let inChannels: Int
    /// Rows and columns of latents in one token.
    public let patchSize: Int
    /// Width of the text encoder's output.
    public let contextWidth: Int
    /// Width of a token.
    public let hiddenSize: Int
    /// Width of the MLP as a multiple of `hiddenSize`.
    public let mlpRatio: Double
    /// Attention heads; each `hiddenSize / headCount` wide.
    public let headCount: Int
    /// Blocks.
    public let depth: Int
    /// Rotary channels of a head for rows and for columns; together a head's width.
    public let axesDimensions: [Int]
    /// Base of the rotary frequencies.
    public let theta: Double
    /// What timesteps in `0...1` are multiplied with.
    public let timeFactor: Double
    /// Longest period of the time embedding.
    public let timeMaxPeriod: Double
    /// Width between the two linear maps of the input, or nil for one map.
    public let bottleneckSize: Int?
    /// Whether the model is told its input's height and width.
    public let hasResolutionEmbeds: Bool

    /// Reads a config, keys and defaults of upstream's constructor.
    /// - Throws: ``PRXError`` for what that refuses, and for what is not understood.
    init(_ config: ConfigReader) throws(PRXError) {
        try config.demand("_class_name", .text("PRXTransformer2DModel"))
        inChannels = try config.int("in_channels", 16, in: 1...1024)
        patchSize = try config.int("patch_size", 2, in: 1...256)
        contextWidth = try config.int("context_in_dim", 2304, in: 1...65_536)
        hiddenSize = try config.int("hidden_size", 1792, in: 2...65_536)
        mlpRatio = try config.number("mlp_ratio", 3.5, in: ConfigReader.positive)
        headCount = try config.int("num_heads", 28, in: 1...1024)
        depth = try config.int("depth", 16, in: 1...1024)
        axesDimensions = try config.ints("axes_dim", [32, 32], in: 0...4096)
        theta = try config.number("theta", 10_000, in: ConfigReader.positive)
        timeFactor = try config.number("time_factor", 1_000, in: ConfigReader.positive)
        timeMaxPeriod = try config.number("time_max_period", 10_000, in: ConfigReader.positive)
        bottleneckSize = try config.optionalInt("bottleneck_size", in: 1...65_536)
        hasResolutionEmbeds = try config.flag("resolution_embeds", false)
        try config.finish()
        guard hiddenSize % headCount == 0 else {
            throw config.error("hidden_size", "is \(hiddenSize), no multiple of num_heads \(headCount)")
        }
        guard axesDimensions.count == 2, axesDimensions.allSatisfy({ $0 % 2 == 0 }),
            axesDimensions.reduce(0, +) == hiddenSize / headCount
        else {
            throw config.error(
                "axes_dim", "is \(axesDimensions), expected two even numbers that add up to \(hiddenSize / headCount)")
        }
        guard mlpRatio <= 64, mlpWidth >= 1 else {
            throw config.error(
                "mlp_ratio", "is \(mlpRatio), which makes an MLP of no channels or of more than 64 times hidden_size")
        }
    }

    /// Width of a head.
    public var headWidth: Int { hiddenSize / headCount }
    /// Width of the MLP.
    public var mlpWidth: Int { Int(Double(hiddenSize) * mlpRatio) }
    /// Floats in one token before the input map.
    public var patchWidth: Int { inChannels * patchSize * patchSize }

    /// Every tensor of the model with its shape.
    var expectedTensors: [String: [Int]] {
        let width = hiddenSize
        var shapes: [String: [Int]] = [
            "txt_in.weight": [width, contextWidth], "txt_in.bias": [width],
            "time_in.in_layer.weight": [width, 256], "time_in.in_layer.bias": [width],
            "time_in.out_layer.weight": [width, width], "time_in.out_layer.bias": [width],
            "final_layer.adaLN_modulation.1.weight": [2 * width, width],
            "final_layer.adaLN_modulation.1.bias": [2 * width],
            "final_layer.linear.weight": [patchWidth, width], "final_layer.linear.bias": [patchWidth],
        ]
        if let bottleneckSize {
            shapes["img_in.0.weight"] = [bottleneckSize, patchWidth]
            shapes["img_in.0.bias"] = [bottleneckSize]
            shapes["img_in.1.weight"] = [width, bottleneckSize]
            shapes["img_in.1.bias"] = [width]
        } else {
            shapes["img_in.weight"] = [width, patchWidth]
            shapes["img_in.bias"] = [width]
        }
        if hasResolutionEmbeds {
            shapes["resolution_embedder.mlp.in_layer.weight"] = [width, 256]
            shapes["resolution_embedder.mlp.in_layer.bias"] = [width]
            shapes["resolution_embedder.mlp.out_layer.weight"] = [width, width]
            shapes["resolution_embedder.mlp.out_layer.bias"] = [width]
        }
        for index in 0..<depth {
            let block = "blocks.\(index)."
            shapes[block + "attention.img_qkv_proj.weight"] = [3 * width, width]
            shapes[block + "attention.txt_kv_proj.weight"] = [2 * width, width]
            for norm in ["norm_q", "norm_k", "norm_added_k"] {
                shapes[block + "attention.\(norm).weight"] = [headWidth]
            }
            shapes[block + "attention.to_out.0.weight"] = [width, width]
            shapes[block + "gate_proj.weight"] = [mlpWidth, width]
            shapes[block + "up_proj.weight"] = [mlpWidth, width]
            shapes[block + "down_proj.weight"] = [width, mlpWidth]
            shapes[block + "modulation.lin.weight"] = [6 * width, width]
            shapes[block + "modulation.lin.bias"] = [6 * width]
        }
        return shapes
    }
}
