/// `vae/config.json` of an `AutoencoderDC`, with upstream's keys and defaults.
public struct AutoencoderDCConfiguration: Hashable, Sendable {
    /// Kinds of blocks a stage is made of.
    public enum BlockType: String, Sendable {
        /// Two convolutions.
        case residual = "ResBlock"
        /// Linear attention and a gated convolution.
        case efficientViT = "EfficientViTBlock"
    }

    /// One of the stages of the encoder or decoder, from the image's size downwards.
    public struct Stage: Hashable, Sendable {
        /// What its blocks are.
        public let blockType: BlockType
        /// Channels of its maps.
        public let channels: Int
        /// Number of blocks.
        public let layers: Int
        /// Kernel sizes of the attention's scales beside the pixel itself; odd.
        public let multiscales: [Int]
    }

    /// Channels of the image.
    public let inChannels: Int
    /// Channels of the latents.
    public let latentChannels: Int
    /// Width of an attention head.
    public let headWidth: Int
    /// Stages of the encoder.
    public let encoderStages: [Stage]
    /// Stages of the decoder, in the encoder's order: the last one comes first.
    public let decoderStages: [Stage]
    /// Whether a downsampling convolution keeps the size and moves pixels into channels, or has stride 2.
    public let downsamplesByUnshuffling: Bool
    /// Whether an upsampling convolution moves channels into pixels, or follows nearest-neighbour upsampling.
    public let upsamplesByShuffling: Bool
    /// Whether the encoder adds means of channels to its output.
    public let hasEncoderOutShortcut: Bool
    /// Whether the decoder adds repeated channels of its input.
    public let hasDecoderInShortcut: Bool
    /// What latents are multiplied with for the diffusion model.
    public let scalingFactor: Double

    /// Reads a config, keys and defaults of upstream's constructor. Block types, norms and activations are one for all
    /// stages or a list.
    /// - Throws: ``PRXError`` for what upstream refuses, for what this library does not do, and for what is not understood.
    init(_ config: ConfigReader) throws(PRXError) {
        try config.demand("_class_name", .text("AutoencoderDC"))
        // A picture is red, green and blue.
        inChannels = try config.int("in_channels", 3, in: 3...3)
        latentChannels = try config.int("latent_channels", 32, in: 1...1024)
        headWidth = try config.int("attention_head_dim", 32, in: 8...1024)
        scalingFactor = try config.number("scaling_factor", 1, in: ConfigReader.finite)
        hasEncoderOutShortcut = try config.flag("encoder_out_shortcut", true)
        hasDecoderInShortcut = try config.flag("decoder_in_shortcut", true)
        downsamplesByUnshuffling =
            try config.word("downsample_block_type", "pixel_unshuffle", among: ["pixel_unshuffle", "conv"])
            == "pixel_unshuffle"
        upsamplesByShuffling =
            try config.word("upsample_block_type", "pixel_shuffle", among: ["pixel_shuffle", "interpolate"])
            == "pixel_shuffle"
        try config.demand("decoder_conv_act_fn", .text("relu"))
        _ = try config.words("decoder_norm_types", nil, among: ["rms_norm"])
        _ = try config.words("decoder_act_fns", nil, among: ["silu"])
        encoderStages = try Self.stages(config, "encoder", layers: [2, 2, 2, 3, 3, 3])
        decoderStages = try Self.stages(config, "decoder", layers: [3, 3, 3, 3, 3, 3])
        try config.finish()
        try check(config)
    }

    private static func stages(_ config: ConfigReader, _ side: String, layers: [Int]) throws(PRXError) -> [Stage] {
        let channels = try config.ints("\(side)_block_out_channels", [128, 256, 512, 512, 1024, 1024], in: 1...8192)
        let layers = try config.ints("\(side)_layers_per_block", layers, in: 1...32)
        let scales = try config.intLists("\(side)_qkv_multiscales", [[], [], [], [5], [5], [5]], in: 1...15)
        let kinds = [BlockType.residual, .efficientViT].map(\.rawValue)
        let names = try config.words("\(side)_block_types", nil, among: kinds) ?? [kinds[0]]
        let types = names.count == 1 ? [String](repeating: names[0], count: channels.count) : names
        guard layers.count == channels.count, scales.count == channels.count, types.count == channels.count else {
            throw config.error("\(side)_block_out_channels", "and the lists beside it have different lengths")
        }
        return channels.indices.map { index in
            Stage(
                blockType: BlockType(rawValue: types[index]) ?? .residual, channels: channels[index],
                layers: layers[index], multiscales: scales[index])
        }
    }

    /// Pixels of the image in a row or column of one latent.
    public var spatialFactor: Int { 1 << (encoderStages.count - 1) }

    /// Refuses what this library does not do, and sizes no checkpoint has.
    private func check(_ config: ConfigReader) throws(PRXError) {
        guard headWidth % 8 == 0 else {
            throw config.error("attention_head_dim", "is \(headWidth), expected a multiple of 8", .unsupported)
        }
        guard encoderStages.count == decoderStages.count else {
            throw config.error(
                "encoder_block_out_channels",
                "has \(encoderStages.count) stages, decoder_block_out_channels \(decoderStages.count)")
        }
        for (side, stages) in [("encoder", encoderStages), ("decoder", decoderStages)] {
            let key = "\(side)_block_out_channels"
            guard (1...8).contains(stages.count) else {
                throw config.error(key, "has \(stages.count) stages, expected 1 to 8")
            }
            for stage in stages {
                guard stage.blockType == .residual || stage.channels % headWidth == 0 else {
                    throw config.error(
                        key, "holds \(stage.channels), no multiple of attention_head_dim \(headWidth)", .unsupported)
                }
                for size in stage.multiscales where size % 2 == 0 {
                    throw config.error("\(side)_qkv_multiscales", "holds \(size), expected odd sizes", .unsupported)
                }
            }
            for (upper, lower) in zip(stages, stages.dropFirst()) {
                // A shortcut takes means of whole groups downwards and repeats whole channels upwards.
                guard (4 * upper.channels) % lower.channels == 0, !downsamplesByUnshuffling || lower.channels % 4 == 0
                else {
                    throw config.error(
                        key, "goes from \(upper.channels) to \(lower.channels), which no shortcut fits", .unsupported)
                }
            }
            guard let last = stages.last, last.channels % latentChannels == 0 else {
                throw config.error(key, "ends with no multiple of latent_channels \(latentChannels)", .unsupported)
            }
        }
        guard scalingFactor != 0, (Float(1) / Float(scalingFactor)).isFinite else {
            throw config.error("scaling_factor", "is \(scalingFactor), by which latents are divided")
        }
    }
}
