internal import Tensors

/// An image to latents. Port of `Encoder`, diffusers `autoencoder_dc.py`.
struct DCEncoder: Sendable {
    private let convIn: ConvolutionWeights
    private let stages: [Stage]
    private let convOut: ConvolutionWeights
    private let hasShortcut: Bool

    private struct Stage: Sendable {
        let blocks: [DCBlock]
        let downsampling: DCDownsampling?
    }

    init(_ configuration: AutoencoderDCConfiguration, _ weights: AutoencoderWeights) throws {
        convIn = try weights.convolution("encoder.conv_in")
        stages = try configuration.encoderStages.enumerated().map { index, stage in
            let name = "encoder.down_blocks.\(index)"
            let isLast = index == configuration.encoderStages.count - 1
            return Stage(
                blocks: try (0..<stage.layers).map {
                    try DCBlock("\(name).\($0)", weights, stage: stage, headWidth: configuration.headWidth)
                },
                downsampling: isLast
                    ? nil
                    : DCDownsampling(
                        try weights.convolution("\(name).\(stage.layers).conv"),
                        unshuffles: configuration.downsamplesByUnshuffling))
        }
        convOut = try weights.convolution("encoder.conv_out")
        hasShortcut = configuration.hasEncoderOutShortcut
    }

    func callAsFunction(_ image: FloatImage, run: AutoencoderRun) throws -> FloatImage {
        var map = FeatureMap(height: image.height, width: image.width, channels: convIn.outputs)
        WinogradConvolution(filters: WinogradFilters(convIn, isDoubled: false, on: run.work))(
            ConvolutionInput(FeatureMap(planes: image)), into: map, on: run.work)
        try run.finished("conv_in", map)
        for (index, stage) in stages.enumerated() {
            var spare: FeatureMap?
            for (number, block) in stage.blocks.enumerated() {
                try block(map, spare: &spare, name: "down\(index).\(number)", run: run)
            }
            spare = nil
            if let downsampling = stage.downsampling { map = downsampling(map, on: run.work) }
            try run.finished("down\(index)", map)
        }
        let latents = FeatureMap(height: map.height, width: map.width, channels: convOut.outputs)
        WinogradConvolution(filters: WinogradFilters(convOut, isDoubled: false, on: run.work))(
            ConvolutionInput(map), into: latents, on: run.work)
        if hasShortcut { addMeans(of: map, to: latents) }
        return latents.planes
    }

    /// Adds means over groups of neighbouring channels.
    private func addMeans(of map: FeatureMap, to latents: FeatureMap) {
        let group = map.channels / latents.channels
        for pixel in 0..<map.pixelCount {
            for channel in 0..<latents.channels {
                var sum: Float = 0
                for index in 0..<group { sum += map.pointer[pixel * map.pixelStride + channel * group + index] }
                latents.pointer[pixel * latents.pixelStride + channel] += sum / Float(group)
            }
        }
    }
}
