/// `vae/config.json` of an `AutoencoderDC`, with upstream's keys and defaults.
public struct AutoencoderDCConfiguration: Decodable, Hashable, Sendable {
    /// Kinds of blocks a stage is made of.
    public enum BlockType: String, Decodable, Sendable {
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
    private let problems: [String]

    private enum CodingKeys: String, CodingKey {
        case in_channels, latent_channels, attention_head_dim, scaling_factor
        case encoder_block_types, encoder_block_out_channels, encoder_layers_per_block, encoder_qkv_multiscales
        case decoder_block_types, decoder_block_out_channels, decoder_layers_per_block, decoder_qkv_multiscales
        case upsample_block_type, downsample_block_type, encoder_out_shortcut, decoder_in_shortcut
        case decoder_norm_types, decoder_act_fns, decoder_conv_act_fn
    }

    /// Reads upstream's keys; a missing one has upstream's default. Block types, norms and activations are one for all
    /// stages or a list.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        inChannels = try values.decodeIfPresent(Int.self, forKey: .in_channels) ?? 3
        latentChannels = try values.decodeIfPresent(Int.self, forKey: .latent_channels) ?? 32
        headWidth = try values.decodeIfPresent(Int.self, forKey: .attention_head_dim) ?? 32
        scalingFactor = try values.decodeIfPresent(Double.self, forKey: .scaling_factor) ?? 1
        hasEncoderOutShortcut = try values.decodeIfPresent(Bool.self, forKey: .encoder_out_shortcut) ?? true
        hasDecoderInShortcut = try values.decodeIfPresent(Bool.self, forKey: .decoder_in_shortcut) ?? true
        var problems: [String] = []
        func choice(_ key: CodingKeys, _ standard: String, _ allowed: [String]) throws -> String {
            let value = try values.decodeIfPresent(String.self, forKey: key) ?? standard
            if !allowed.contains(value) {
                problems.append(
                    "\(key.stringValue) is \(value.debugDescription), expected \(allowed.joined(separator: " or "))")
            }
            return value
        }
        downsamplesByUnshuffling =
            try choice(.downsample_block_type, "pixel_unshuffle", ["pixel_unshuffle", "conv"]) == "pixel_unshuffle"
        upsamplesByShuffling =
            try choice(.upsample_block_type, "pixel_shuffle", ["pixel_shuffle", "interpolate"]) == "pixel_shuffle"
        _ = try choice(.decoder_conv_act_fn, "relu", ["relu"])
        for (key, expected) in [(CodingKeys.decoder_norm_types, "rms_norm"), (.decoder_act_fns, "silu")] {
            let names = try Self.names(values, key) ?? [expected]
            if let other = names.first(where: { $0 != expected }) {
                problems.append("\(key.stringValue) holds \(other.debugDescription), expected \(expected) only")
            }
        }
        let keys: [(CodingKeys, CodingKeys, CodingKeys, CodingKeys, [Int])] = [
            (
                .encoder_block_types, .encoder_block_out_channels, .encoder_layers_per_block, .encoder_qkv_multiscales,
                [2, 2, 2, 3, 3, 3]
            ),
            (
                .decoder_block_types, .decoder_block_out_channels, .decoder_layers_per_block, .decoder_qkv_multiscales,
                [3, 3, 3, 3, 3, 3]
            ),
        ]
        let stages = try keys.map { typeKey, channelKey, layerKey, scaleKey, standardLayers in
            let channels =
                try values.decodeIfPresent([Int].self, forKey: channelKey) ?? [128, 256, 512, 512, 1024, 1024]
            let layers = try values.decodeIfPresent([Int].self, forKey: layerKey) ?? standardLayers
            let scales = try values.decodeIfPresent([[Int]].self, forKey: scaleKey) ?? [[], [], [], [5], [5], [5]]
            let names = try Self.names(values, typeKey) ?? ["ResBlock"]
            let types = names.count == 1 ? [String](repeating: names[0], count: channels.count) : names
            guard layers.count == channels.count, scales.count == channels.count, types.count == channels.count else {
                problems.append("\(channelKey.stringValue) and the lists beside it have different lengths")
                return [Stage]()
            }
            return channels.indices.map { index in
                let type = BlockType(rawValue: types[index])
                if type == nil {
                    problems.append(
                        "\(typeKey.stringValue) holds \(types[index].debugDescription), expected ResBlock or EfficientViTBlock"
                    )
                }
                return Stage(
                    blockType: type ?? .residual, channels: channels[index], layers: layers[index],
                    multiscales: scales[index])
            }
        }
        encoderStages = stages[0]
        decoderStages = stages[1]
        self.problems = problems
    }

    private static func names(_ values: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys) throws -> [String]? {
        if let name = try? values.decodeIfPresent(String.self, forKey: key) { return [name] }
        return try values.decodeIfPresent([String].self, forKey: key)
    }

    /// Pixels of the image in a row or column of one latent.
    public var spatialFactor: Int { 1 << (encoderStages.count - 1) }

    /// Refuses what this library does not do, and sizes no checkpoint has.
    func validate(file: String) throws(PRXError) {
        if let first = problems.first { throw PRXError(.unsupported, "\(file): \(first)") }
        try ConfigFile.check(inChannels, "in_channels", in: 1...64, file: file)
        try ConfigFile.check(latentChannels, "latent_channels", in: 1...1024, file: file)
        try ConfigFile.check(headWidth, "attention_head_dim", in: 8...1024, file: file)
        guard headWidth % 8 == 0 else {
            throw PRXError(.unsupported, "\(file): attention_head_dim is \(headWidth), expected a multiple of 8")
        }
        guard encoderStages.count == decoderStages.count else {
            throw PRXError(
                .badCheckpoint,
                "\(file): encoder_block_out_channels has \(encoderStages.count) stages, decoder_block_out_channels \(decoderStages.count)"
            )
        }
        for (side, stages) in [("encoder", encoderStages), ("decoder", decoderStages)] {
            try ConfigFile.check(stages.count, "the number of \(side)_block_out_channels", in: 1...8, file: file)
            for stage in stages { try validate(stage, side: side, file: file) }
            for (upper, lower) in zip(stages, stages.dropFirst()) {
                // A shortcut takes means of whole groups downwards and repeats whole channels upwards.
                guard (4 * upper.channels) % lower.channels == 0, !downsamplesByUnshuffling || lower.channels % 4 == 0
                else {
                    throw PRXError(
                        .unsupported,
                        "\(file): \(side)_block_out_channels goes from \(upper.channels) to \(lower.channels), which no shortcut fits"
                    )
                }
            }
            guard let last = stages.last, last.channels % latentChannels == 0 else {
                throw PRXError(
                    .unsupported,
                    "\(file): the last of \(side)_block_out_channels is no multiple of latent_channels \(latentChannels)"
                )
            }
        }
        guard scalingFactor.isFinite, scalingFactor != 0 else {
            throw PRXError(.badCheckpoint, "\(file): scaling_factor is \(scalingFactor)")
        }
    }

    private func validate(_ stage: Stage, side: String, file: String) throws(PRXError) {
        try ConfigFile.check(stage.channels, "\(side)_block_out_channels", in: 1...8192, file: file)
        try ConfigFile.check(stage.layers, "\(side)_layers_per_block", in: 1...32, file: file)
        guard stage.blockType == .residual || stage.channels % headWidth == 0 else {
            throw PRXError(
                .unsupported,
                "\(file): \(side)_block_out_channels holds \(stage.channels), no multiple of attention_head_dim \(headWidth)"
            )
        }
        for size in stage.multiscales where !(1...15).contains(size) || size % 2 == 0 {
            throw PRXError(.unsupported, "\(file): \(side)_qkv_multiscales holds \(size), expected odd sizes up to 15")
        }
    }
}
