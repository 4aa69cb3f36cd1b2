internal import Tensors

/// A convolution of every channel with a square filter of its own, of odd size, with stride 1 and a border of zeros.
///
/// Channels come in whole vectors of 8.
struct DepthwiseConvolution: Sendable {
    private let weights: ConvolutionWeights

    init(_ weights: ConvolutionWeights) {
        precondition(
            weights.inputs == 1 && weights.rows == weights.columns && weights.rows % 2 == 1 && weights.outputs % 8 == 0,
            "\(weights.weight.name) is no depthwise filter")
        self.weights = weights
    }

    /// Computes a map of the input's size.
    func callAsFunction(_ input: FeatureMap, into output: FeatureMap, on work: Workspace) {
        let filter = filter()
        precondition(input.channels == weights.outputs && output.channels == input.channels, "the maps do not fit")
        output.forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                let window = Window(pixel, input, size: weights.rows)
                let target = output.pointer + pixel * output.pixelStride
                for channel in stride(from: 0, to: input.channels, by: 8) {
                    value(input, window, filter, channel).write(to: target + channel)
                }
            }
        }
    }

    /// Computes a map of half the channels: the first half times the SiLU of the second.
    func gated(_ input: FeatureMap, into output: FeatureMap, on work: Workspace) {
        let filter = filter()
        let half = input.channels / 2
        precondition(
            input.channels == weights.outputs && output.channels == half && half % 8 == 0, "the maps do not fit")
        output.forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                let window = Window(pixel, input, size: weights.rows)
                let target = output.pointer + pixel * output.pixelStride
                for channel in stride(from: 0, to: half, by: 8) {
                    let gate = value(input, window, filter, half + channel).silu
                    (value(input, window, filter, channel) * gate).write(to: target + channel)
                }
            }
        }
    }

    /// The filters' taps under which there are pixels.
    private struct Window {
        let first: Int
        let firstTap: Int
        let rows: Int
        let columns: Int

        init(_ pixel: Int, _ map: FeatureMap, size: Int) {
            let (y, x) = (pixel / map.width - size / 2, pixel % map.width - size / 2)
            let (top, left) = (max(0, y), max(0, x))
            rows = min(map.height, y + size) - top
            columns = min(map.width, x + size) - left
            first = top * map.width + left
            firstTap = (top - y) * size + left - x
        }
    }

    /// Eight channels of an output pixel.
    @inline(__always)
    private func value(_ input: FeatureMap, _ window: Window, _ filter: Filter, _ channel: Int) -> Lanes {
        var sum = filter.bias.map { Lanes(at: $0.pointer + channel) } ?? Lanes()
        for row in 0..<window.rows {
            var source = input.pointer + (window.first + row * input.width) * input.pixelStride + channel
            var tap = filter.taps.pointer + (window.firstTap + row * weights.columns) * weights.outputs + channel
            for _ in 0..<window.columns {
                sum = Lanes(at: source).times(Lanes(at: tap), plus: sum)
                source += input.pixelStride
                tap += weights.outputs
            }
        }
        return sum
    }

    /// `[taps, channels]`, and `[channels]`.
    private struct Filter: Sendable {
        let taps: FloatBuffer
        let bias: FloatBuffer?
    }

    private func filter() -> Filter {
        let stored = weights.weight.floats()
        let taps = weights.rows * weights.columns
        let result = FloatBuffer(count: stored.count)
        for channel in 0..<weights.outputs {
            for tap in 0..<taps {
                result.pointer[tap * weights.outputs + channel] = stored.pointer[channel * taps + tap]
            }
        }
        return Filter(taps: result, bias: weights.bias)
    }
}
