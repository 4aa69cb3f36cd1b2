/// `vae/config.json` of an `AutoencoderKL`, with upstream's keys and defaults.
public struct AutoencoderKLConfiguration: Decodable, Hashable, Sendable {
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
    private let unsupported: [String]

    private enum CodingKeys: String, CodingKey {
        case in_channels, out_channels, latent_channels, block_out_channels, layers_per_block, norm_num_groups
        case scaling_factor, shift_factor, act_fn, down_block_types, up_block_types, mid_block_add_attention
        case use_quant_conv, use_post_quant_conv
    }

    /// Reads upstream's keys; a missing one has upstream's default.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        inChannels = try values.decodeIfPresent(Int.self, forKey: .in_channels) ?? 3
        outChannels = try values.decodeIfPresent(Int.self, forKey: .out_channels) ?? 3
        latentChannels = try values.decodeIfPresent(Int.self, forKey: .latent_channels) ?? 4
        blockOutChannels = try values.decodeIfPresent([Int].self, forKey: .block_out_channels) ?? [64]
        layersPerBlock = try values.decodeIfPresent(Int.self, forKey: .layers_per_block) ?? 1
        groupCount = try values.decodeIfPresent(Int.self, forKey: .norm_num_groups) ?? 32
        scalingFactor = try values.decodeIfPresent(Double.self, forKey: .scaling_factor) ?? 0.18215
        shiftFactor = try values.decodeIfPresent(Double.self, forKey: .shift_factor) ?? 0
        var unsupported: [String] = []
        for key in [CodingKeys.use_quant_conv, .use_post_quant_conv]
        where try values.decodeIfPresent(Bool.self, forKey: key) ?? true {
            unsupported.append("\(key.stringValue) must be false, as in FLUX.1's autoencoder")
        }
        if try values.decodeIfPresent(Bool.self, forKey: .mid_block_add_attention) == false {
            unsupported.append("mid_block_add_attention must be true")
        }
        if let activation = try values.decodeIfPresent(String.self, forKey: .act_fn), activation != "silu" {
            unsupported.append("act_fn is \(activation.debugDescription), expected \"silu\"")
        }
        for (key, expected) in [
            (CodingKeys.down_block_types, "DownEncoderBlock2D"), (.up_block_types, "UpDecoderBlock2D"),
        ] {
            let types = try values.decodeIfPresent([String].self, forKey: key) ?? [expected]
            if let other = types.first(where: { $0 != expected }) {
                unsupported.append("\(key.stringValue) holds \(other.debugDescription), expected \"\(expected)\" only")
            }
            if types.count != blockOutChannels.count {
                unsupported.append(
                    "\(key.stringValue) has \(types.count) levels, block_out_channels \(blockOutChannels.count)")
            }
        }
        self.unsupported = unsupported
    }

    /// Pixels of the image in a row or column of one latent.
    public var spatialFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// Refuses what this library does not do, and sizes no checkpoint has.
    func validate(file: String) throws(PRXError) {
        if let first = unsupported.first { throw PRXError(.unsupported, "\(file): \(first)") }
        try ConfigFile.check(inChannels, "in_channels", in: 1...64, file: file)
        try ConfigFile.check(outChannels, "out_channels", in: 1...64, file: file)
        try ConfigFile.check(latentChannels, "latent_channels", in: 1...1024, file: file)
        try ConfigFile.check(blockOutChannels.count, "the number of block_out_channels", in: 1...8, file: file)
        try ConfigFile.check(layersPerBlock, "layers_per_block", in: 1...32, file: file)
        try ConfigFile.check(groupCount, "norm_num_groups", in: 1...4096, file: file)
        for channels in blockOutChannels {
            try ConfigFile.check(channels, "block_out_channels", in: 1...4096, file: file)
            guard channels % groupCount == 0 else {
                throw PRXError(
                    .badCheckpoint,
                    "\(file): block_out_channels holds \(channels), no multiple of norm_num_groups \(groupCount)")
            }
        }
        guard scalingFactor.isFinite, scalingFactor != 0, shiftFactor.isFinite else {
            throw PRXError(.badCheckpoint, "\(file): scaling_factor is \(scalingFactor), shift_factor \(shiftFactor)")
        }
    }

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
