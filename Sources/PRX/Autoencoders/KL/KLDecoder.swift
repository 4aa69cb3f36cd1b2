internal import Tensors

/// Latents to an image. Port of `Decoder`, diffusers `vae.py`.
struct KLDecoder: Sendable {
    private let convIn: ConvolutionWeights
    private let middle: KLMiddleBlock
    private let levels: [Level]
    private let normOut: GroupNorm
    private let convOut: ConvolutionWeights

    private struct Level: Sendable {
        let resnets: [KLResnetBlock]
        let upsampler: ConvolutionWeights?
    }

    init(_ configuration: AutoencoderKLConfiguration, _ weights: AutoencoderWeights, attentionNames: [String]) throws {
        let groups = configuration.groupCount
        convIn = try weights.convolution("decoder.conv_in")
        middle = try KLMiddleBlock("decoder.mid_block", weights, groups: groups, attentionNames: attentionNames)
        levels = try configuration.blockOutChannels.indices.map { level in
            let name = "decoder.up_blocks.\(level)"
            let isLast = level == configuration.blockOutChannels.count - 1
            return Level(
                resnets: try (0...configuration.layersPerBlock).map {
                    try KLResnetBlock("\(name).resnets.\($0)", weights, groups: groups)
                },
                upsampler: isLast ? nil : try weights.convolution("\(name).upsamplers.0.conv"))
        }
        normOut = try weights.groupNorm("decoder.conv_norm_out", groups: groups)
        convOut = try weights.convolution("decoder.conv_out")
    }

    func callAsFunction(_ latents: FloatImage, run: AutoencoderRun) throws -> FloatImage {
        var features = convolve(ConvolutionInput(FeatureMap(planes: latents)), convIn, on: run.work)
        try run.finished("conv_in", features.map)
        try middle(&features, run: run)
        for (index, level) in levels.enumerated() {
            for (number, resnet) in level.resnets.enumerated() {
                resnet(&features, on: run.work)
                try run.finished("up\(index).resnet\(number)", features.map)
            }
            if let upsampler = level.upsampler {
                compact(&features, on: run.work)
                features = convolve(ConvolutionInput(features.map, isDoubled: true), upsampler, on: run.work)
            }
            try run.finished("up\(index)", features.map)
        }
        features.spare = nil
        let image = FeatureMap(height: features.map.height, width: features.map.width, channels: convOut.outputs)
        WinogradConvolution(filters: WinogradFilters(convOut, isDoubled: false, on: run.work))(
            ConvolutionInput(features.map, normalization: normOut.affine(features.moments)), into: image, on: run.work)
        return image.planes
    }

    private func convolve(_ input: ConvolutionInput, _ weights: ConvolutionWeights, on work: Workspace) -> KLFeatures {
        let output = FeatureMap(height: input.height, width: input.width, channels: weights.outputs)
        let filters = WinogradFilters(weights, isDoubled: input.isDoubled, on: work)
        let moments = WinogradConvolution(filters: filters).measuring(input, into: output, on: work)
        return KLFeatures(map: output, moments: moments)
    }

    /// Gives back all memory but the map's before the next one, four times as large, is made.
    private func compact(_ features: inout KLFeatures, on work: Workspace) {
        features.spare = nil
        guard !features.map.isDense else { return }
        let dense = FeatureMap(
            height: features.map.height, width: features.map.width, channels: features.map.channels)
        dense.copy(features.map, on: work)
        features.map = dense
    }
}
