internal import Tensors

/// `DCDownBlock2d`: half the height and width. Port of diffusers `autoencoder_dc.py`.
struct DCDownsampling: Sendable {
    private let weights: ConvolutionWeights
    private let unshuffles: Bool
    private let outputs: Int

    /// - Parameter unshuffles: Whether the convolution keeps the size and its pixels become channels, or it has stride 2.
    init(_ weights: ConvolutionWeights, unshuffles: Bool) {
        self.weights = weights
        self.unshuffles = unshuffles
        outputs = unshuffles ? 4 * weights.outputs : weights.outputs
    }

    /// The convolution, plus means over groups of the input's channels after its pixels became channels.
    func callAsFunction(_ map: FeatureMap, on work: Workspace) -> FeatureMap {
        let output: FeatureMap
        if unshuffles {
            let full = FeatureMap(height: map.height, width: map.width, channels: weights.outputs)
            WinogradConvolution(filters: WinogradFilters(weights, isDoubled: false, on: work))(
                ConvolutionInput(map), into: full, on: work)
            output = FeatureMap(height: map.height / 2, width: map.width / 2, channels: outputs)
            output.forEachRun(on: work) { first, pixels in
                for pixel in first..<(first + pixels) {
                    for channel in 0..<outputs {
                        output.pointer[pixel * outputs + channel] = full.unshuffled(
                            pixel / output.width, pixel % output.width, channel)
                    }
                }
            }
        } else {
            output = StridedConvolution(weights, padding: 1)(map, on: work)
        }
        let group = 4 * map.channels / outputs
        output.forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                for channel in 0..<outputs {
                    var sum: Float = 0
                    for index in 0..<group {
                        sum += map.unshuffled(pixel / output.width, pixel % output.width, channel * group + index)
                    }
                    output.pointer[pixel * outputs + channel] += sum / Float(group)
                }
            }
        }
        return output
    }
}

extension FeatureMap {
    /// `pixel_unshuffle(2)`: channel `c · 4 + dy · 2 + dx` of pixel (y, x) is channel c of pixel (2y + dy, 2x + dx).
    fileprivate func unshuffled(_ y: Int, _ x: Int, _ channel: Int) -> Float {
        let pixel = (2 * y + channel % 4 / 2) * width + 2 * x + channel % 2
        return pointer[pixel * pixelStride + channel / 4]
    }
}

/// `DCUpBlock2d`: twice the height and width. Port of diffusers `autoencoder_dc.py`.
struct DCUpsampling: Sendable {
    private let weights: ConvolutionWeights
    private let shuffles: Bool
    private let outputs: Int

    /// - Parameter shuffles: Whether channels of the convolution become pixels, or it follows nearest-neighbour upsampling.
    init(_ weights: ConvolutionWeights, shuffles: Bool) {
        self.weights = weights
        self.shuffles = shuffles
        outputs = shuffles ? weights.outputs / 4 : weights.outputs
    }

    /// The convolution, plus the input's channels, each repeated, after channels became pixels: channel `c · 4 + dy · 2 + dx`
    /// of pixel (y, x) is channel c of pixel (2y + dy, 2x + dx).
    func callAsFunction(_ map: FeatureMap, on work: Workspace) -> FeatureMap {
        let output = FeatureMap(height: 2 * map.height, width: 2 * map.width, channels: outputs)
        let narrow = shuffles ? FeatureMap(height: map.height, width: map.width, channels: weights.outputs) : nil
        WinogradConvolution(filters: WinogradFilters(weights, isDoubled: !shuffles, on: work))(
            ConvolutionInput(map, isDoubled: !shuffles), into: narrow ?? output, on: work)
        let repeats = 4 * outputs / map.channels
        output.forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                let (y, x) = (pixel / output.width, pixel % output.width)
                let source = y / 2 * map.width + x / 2
                let place = y % 2 * 2 + x % 2
                let target = output.pointer + pixel * outputs
                for channel in 0..<outputs {
                    let value =
                        narrow.map { $0.pointer[source * $0.pixelStride + channel * 4 + place] } ?? target[channel]
                    target[channel] = value + map.pointer[source * map.pixelStride + (channel * 4 + place) / repeats]
                }
            }
        }
        return output
    }
}
