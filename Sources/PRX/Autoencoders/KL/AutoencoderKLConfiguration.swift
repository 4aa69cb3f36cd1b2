/// `vae/config.json` of an `AutoencoderKL`, with upstream's keys and defaults.
public struct AutoencoderKLConfiguration: Hashable, Sendable {
    /// Channels of the image the encoder takes.
    public let inChannels: Int
    /// Channels of the image the decoder makes.
    public let outChannels: Int
    /// Channels of the latents.
    public let latentChannels: Int
    /// Channels of each level, from the image's size downwards.
    public let blockOutChannels: [Int]
    /// ResNets of an encoder level; a decoder level has one more.
    public let layersPerBlock: Int
    /// Groups of every group normalisation.
    public let groupCount: Int
    /// What latents are multiplied with for the diffusion model.
    public let scalingFactor: Double
    /// What is taken from latents before that.
    public let shiftFactor: Double

    /// Reads a config, keys and defaults of upstream's constructor.
    /// - Throws: ``PRXError`` for what upstream refuses, for what this library does not do, and for what is not understood.
    init(_ config: ConfigReader) throws(PRXError) {
        try config.demand("_class_name", .text("AutoencoderKL"))
        // A picture is red, green and blue.
        inChannels = try config.int("in_channels", 3, in: 3...3)
        outChannels = try config.int("out_channels", 3, in: 3...3)
        latentChannels = try config.int("latent_channels", 4, in: 1...1024)
        blockOutChannels = try config.ints("block_out_channels", [64], in: 1...4096)
        layersPerBlock = try config.int("layers_per_block", 1, in: 1...32)
        groupCount = try config.int("norm_num_groups", 32, in: 1...4096)
        scalingFactor = try config.number("scaling_factor", 0.18215, in: ConfigReader.finite)
        shiftFactor = try config.optionalNumber("shift_factor", nil, in: ConfigReader.finite) ?? 0
        for key in ["use_quant_conv", "use_post_quant_conv"] where try config.flag(key, true) {
            throw config.error(key, "must be false, as in FLUX.1's autoencoder", .unsupported)
        }
        try config.demand("mid_block_add_attention", .flag(true))
        try config.demand("act_fn", .text("silu"))
        for (key, expected) in [
            ("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D"),
        ] {
            let types = try config.words(key, [expected], among: [expected]) ?? []
            guard types.count == blockOutChannels.count else {
                throw config.error(
                    key, "has \(types.count) levels, block_out_channels \(blockOutChannels.count)", .unsupported)
            }
        }
        // How it was trained and kept; upstream's pipeline reads none of them.
        config.inert(["sample_size", "force_upcast", "latents_mean", "latents_std"])
        try config.finish()
        guard (1...8).contains(blockOutChannels.count) else {
            throw config.error("block_out_channels", "has \(blockOutChannels.count) levels, expected 1 to 8")
        }
        for channels in blockOutChannels where channels % groupCount != 0 {
            throw config.error("block_out_channels", "holds \(channels), no multiple of norm_num_groups \(groupCount)")
        }
        guard scalingFactor != 0, (Float(1) / Float(scalingFactor)).isFinite else {
            throw config.error("scaling_factor", "is \(scalingFactor), by which latents are divided")
        }
    }

    /// Pixels of the image in a row or column of one latent.
    public var spatialFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// Names of the attention's linear maps: query, key, value, output.
    static let attentionNames = ["to_q", "to_k", "to_v", "to_out.0"]
    /// What they were called in older checkpoints.
    static let olderAttentionNames = ["query", "key", "value", "proj_attn"]

    /// Shapes of all tensors by name.
    /// - Parameter attentionNames: One of the two lists above.
    func expectedTensors(attentionNames: [String]) -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        func convolution(_ name: String, _ inputs: Int, _ outputs: Int, size: Int = 3) {
            shapes[name + ".weight"] = [outputs, inputs, size, size]
            shapes[name + ".bias"] = [outputs]
        }
        func vector(_ name: String, _ channels: Int) {
            shapes[name + ".weight"] = [channels]
            shapes[name + ".bias"] = [channels]
        }
        func resnet(_ name: String, _ inputs: Int, _ outputs: Int) {
            vector(name + ".norm1", inputs)
            convolution(name + ".conv1", inputs, outputs)
            vector(name + ".norm2", outputs)
            convolution(name + ".conv2", outputs, outputs)
            if inputs != outputs { convolution(name + ".conv_shortcut", inputs, outputs, size: 1) }
        }
        func middle(_ name: String, _ channels: Int) {
            resnet(name + ".resnets.0", channels, channels)
            resnet(name + ".resnets.1", channels, channels)
            vector(name + ".attentions.0.group_norm", channels)
            for part in attentionNames {
                shapes["\(name).attentions.0.\(part).weight"] = [channels, channels]
                shapes["\(name).attentions.0.\(part).bias"] = [channels]
            }
        }
        let deepest = blockOutChannels[blockOutChannels.count - 1]
        for (side, prefix, channels) in [
            ("encoder", "down_blocks", blockOutChannels), ("decoder", "up_blocks", blockOutChannels.reversed()),
        ] {
            let isEncoder = side == "encoder"
            var inputs = channels[0]
            convolution("\(side).conv_in", isEncoder ? inChannels : latentChannels, inputs)
            for (level, outputs) in channels.enumerated() {
                for index in 0..<(isEncoder ? layersPerBlock : layersPerBlock + 1) {
                    resnet("\(side).\(prefix).\(level).resnets.\(index)", index == 0 ? inputs : outputs, outputs)
                }
                if level < channels.count - 1 {
                    let sampler = isEncoder ? "downsamplers" : "upsamplers"
                    convolution("\(side).\(prefix).\(level).\(sampler).0.conv", outputs, outputs)
                }
                inputs = outputs
            }
            middle("\(side).mid_block", deepest)
            vector("\(side).conv_norm_out", inputs)
            convolution("\(side).conv_out", inputs, isEncoder ? 2 * latentChannels : outChannels)
        }
        return shapes
    }
}
