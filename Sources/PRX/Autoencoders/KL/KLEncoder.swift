internal import Tensors

/// An image to the moments of its latents. Port of `Encoder`, diffusers `vae.py`.
struct KLEncoder: Sendable {
    private let convIn: ConvolutionWeights
    private let levels: [Level]
    private let middle: KLMiddleBlock
    private let normOut: GroupNorm
    private let convOut: ConvolutionWeights

    private struct Level: Sendable {
        let resnets: [KLResnetBlock]
        let downsampler: StridedConvolution?
    }

    init(_ configuration: AutoencoderKLConfiguration, _ weights: AutoencoderWeights, attentionNames: [String]) throws {
        let groups = configuration.groupCount
        convIn = try weights.convolution("encoder.conv_in")
        levels = try configuration.blockOutChannels.indices.map { level in
            let name = "encoder.down_blocks.\(level)"
            let isLast = level == configuration.blockOutChannels.count - 1
            return Level(
                resnets: try (0..<configuration.layersPerBlock).map {
                    try KLResnetBlock("\(name).resnets.\($0)", weights, groups: groups)
                },
                // Zeros to the right and below only.
                downsampler: isLast
                    ? nil : StridedConvolution(try weights.convolution("\(name).downsamplers.0.conv"), padding: 0))
        }
        middle = try KLMiddleBlock("encoder.mid_block", weights, groups: groups, attentionNames: attentionNames)
        normOut = try weights.groupNorm("encoder.conv_norm_out", groups: groups)
        convOut = try weights.convolution("encoder.conv_out")
    }

    /// - Returns: `[2 · latent channels, h, w]`: means, then logarithms of variances, not clamped.
    func callAsFunction(_ image: FloatImage, run: AutoencoderRun) throws -> FloatImage {
        let first = FeatureMap(height: image.height, width: image.width, channels: convIn.outputs)
        let moments = WinogradConvolution(filters: WinogradFilters(convIn, isDoubled: false, on: run.work)).measuring(
            ConvolutionInput(FeatureMap(planes: image)), into: first, on: run.work)
        var features = KLFeatures(map: first, moments: moments)
        try run.finished("conv_in", features.map)
        for (index, level) in levels.enumerated() {
            for (number, resnet) in level.resnets.enumerated() {
                resnet(&features, on: run.work)
                try run.finished("down\(index).resnet\(number)", features.map)
            }
            if let downsampler = level.downsampler {
                features.spare = nil
                let map = downsampler(features.map, on: run.work)
                features = KLFeatures(map: map, moments: ChannelMoments.measure(map, on: run.work))
            }
            try run.finished("down\(index)", features.map)
        }
        try middle(&features, run: run)
        let latents = FeatureMap(height: features.map.height, width: features.map.width, channels: convOut.outputs)
        WinogradConvolution(filters: WinogradFilters(convOut, isDoubled: false, on: run.work))(
            ConvolutionInput(features.map, normalization: normOut.affine(features.moments)), into: latents, on: run.work
        )
        return latents.planes
    }
}
