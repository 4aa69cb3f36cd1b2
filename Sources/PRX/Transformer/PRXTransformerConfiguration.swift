/// `transformer/config.json`, with upstream's keys and defaults.
public struct PRXTransformerConfiguration: Decodable, Hashable, Sendable {
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

    private enum CodingKeys: String, CodingKey {
        case in_channels, patch_size, context_in_dim, hidden_size, mlp_ratio, num_heads, depth, axes_dim, theta
        case time_factor, time_max_period, bottleneck_size, resolution_embeds
    }

    /// Reads upstream's keys; a missing one has upstream's default.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func int(_ key: CodingKeys, _ standard: Int) throws -> Int {
            try values.decodeIfPresent(Int.self, forKey: key) ?? standard
        }
        func double(_ key: CodingKeys, _ standard: Double) throws -> Double {
            try values.decodeIfPresent(Double.self, forKey: key) ?? standard
        }
        inChannels = try int(.in_channels, 16)
        patchSize = try int(.patch_size, 2)
        contextWidth = try int(.context_in_dim, 2304)
        hiddenSize = try int(.hidden_size, 1792)
        mlpRatio = try double(.mlp_ratio, 3.5)
        headCount = try int(.num_heads, 28)
        depth = try int(.depth, 16)
        axesDimensions = try values.decodeIfPresent([Int].self, forKey: .axes_dim) ?? [32, 32]
        theta = try double(.theta, 10_000)
        timeFactor = try double(.time_factor, 1_000)
        timeMaxPeriod = try double(.time_max_period, 10_000)
        bottleneckSize = try values.decodeIfPresent(Int.self, forKey: .bottleneck_size)
        hasResolutionEmbeds = try values.decodeIfPresent(Bool.self, forKey: .resolution_embeds) ?? false
    }

    /// Width of a head.
    public var headWidth: Int { hiddenSize / headCount }
    /// Width of the MLP.
    public var mlpWidth: Int { Int(Double(hiddenSize) * mlpRatio) }
    /// Floats in one token before the input map.
    public var patchWidth: Int { inChannels * patchSize * patchSize }

    /// Refuses what upstream's constructor would refuse, and absurd sizes.
    func validate(file: String) throws(PRXError) {
        try ConfigFile.check(inChannels, "in_channels", in: 1...1024, file: file)
        try ConfigFile.check(patchSize, "patch_size", in: 1...256, file: file)
        try ConfigFile.check(contextWidth, "context_in_dim", in: 1...65_536, file: file)
        try ConfigFile.check(hiddenSize, "hidden_size", in: 2...65_536, file: file)
        try ConfigFile.check(headCount, "num_heads", in: 1...1024, file: file)
        try ConfigFile.check(depth, "depth", in: 1...1024, file: file)
        if let bottleneckSize { try ConfigFile.check(bottleneckSize, "bottleneck_size", in: 1...65_536, file: file) }
        guard hiddenSize % headCount == 0 else {
            throw PRXError(
                .badCheckpoint, "\(file): hidden_size \(hiddenSize) is no multiple of num_heads \(headCount)")
        }
        guard axesDimensions.count == 2, axesDimensions.allSatisfy({ $0 >= 0 && $0 % 2 == 0 }),
            axesDimensions.reduce(0, +) == headWidth
        else {
            throw PRXError(
                .badCheckpoint,
                "\(file): axes_dim \(axesDimensions) must be two even numbers that add up to \(headWidth)")
        }
        guard mlpRatio > 0, mlpRatio < 64, theta > 0, timeMaxPeriod > 0, timeFactor > 0 else {
            throw PRXError(
                .badCheckpoint, "\(file): mlp_ratio, theta, time_factor and time_max_period must be positive")
        }
    }

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
