internal import Tensors

/// Latents to an image. Port of `Decoder`, diffusers `autoencoder_dc.py`.
struct DCDecoder: Sendable {
    private let convIn: ConvolutionWeights
    private let hasShortcut: Bool
    /// In the order of the names; the last one comes first.
    private let stages: [Stage]
    private let normOut: ChannelRMSNorm
    private let convOut: ConvolutionWeights

    private struct Stage: Sendable {
        let upsampling: DCUpsampling?
        let blocks: [DCBlock]
    }

    init(_ configuration: AutoencoderDCConfiguration, _ weights: AutoencoderWeights) throws {
        convIn = try weights.convolution("decoder.conv_in")
        hasShortcut = configuration.hasDecoderInShortcut
        stages = try configuration.decoderStages.enumerated().map { index, stage in
            let name = "decoder.up_blocks.\(index)"
            let first = index < configuration.decoderStages.count - 1 ? 1 : 0
            return Stage(
                upsampling: first == 0
                    ? nil
                    : DCUpsampling(
                        try weights.convolution(name + ".0.conv"), shuffles: configuration.upsamplesByShuffling),
                blocks: try (0..<stage.layers).map {
                    try DCBlock("\(name).\(first + $0)", weights, stage: stage, headWidth: configuration.headWidth)
                })
        }
        normOut = try weights.channelNorm("decoder.norm_out")
        convOut = try weights.convolution("decoder.conv_out")
    }

    func callAsFunction(_ latents: FloatImage, run: AutoencoderRun) throws -> FloatImage {
        let input = FeatureMap(planes: latents)
        var map = FeatureMap(height: input.height, width: input.width, channels: convIn.outputs)
        WinogradConvolution(filters: WinogradFilters(convIn, isDoubled: false, on: run.work))(
            ConvolutionInput(input), into: map, on: run.work)
        if hasShortcut { addRepeated(input, to: map) }
        try run.finished("conv_in", map)
        for (index, stage) in stages.enumerated().reversed() {
            if let upsampling = stage.upsampling {
                map = upsampling(map, on: run.work)
                try run.finished("up\(index).upsampled", map)
            }
            var spare: FeatureMap?
            for (number, block) in stage.blocks.enumerated() {
                try block(map, spare: &spare, name: "up\(index).\(number)", run: run)
            }
            try run.finished("up\(index)", map)
        }
        let last = map
        normOut.apply(last, into: last, on: run.work)
        last.forEachRun(on: run.work) { first, pixels in
            for index in (first * last.channels)..<((first + pixels) * last.channels) {
                last.pointer[index] = max(last.pointer[index], 0)
            }
        }
        let image = FeatureMap(height: map.height, width: map.width, channels: convOut.outputs)
        WinogradConvolution(filters: WinogradFilters(convOut, isDoubled: false, on: run.work))(
            ConvolutionInput(map), into: image, on: run.work)
        return image.planes
    }

    /// Adds every latent channel to as many neighbouring channels as there are for each.
    private func addRepeated(_ latents: FeatureMap, to map: FeatureMap) {
        let repeats = map.channels / latents.channels
        for pixel in 0..<map.pixelCount {
            for channel in 0..<map.channels {
                map.pointer[pixel * map.pixelStride + channel] +=
                    latents.pointer[pixel * latents.pixelStride + channel / repeats]
            }
        }
    }
}
