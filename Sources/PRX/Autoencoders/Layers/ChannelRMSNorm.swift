internal import Tensors

/// `x / sqrt(mean(x²) + 1e-5) · weight + bias` over the channels of each pixel.
struct ChannelRMSNorm: Sendable {
    private static let epsilon: Float = 1e-5
    let weight: FloatBuffer
    let bias: FloatBuffer

    /// - Parameters:
    ///   - weight: `[C]`, `bias` too.
    init(weight: StoredTensor, bias: StoredTensor) {
        self.weight = weight.floats()
        self.bias = bias.floats()
    }

    /// Normalises pixels, and adds others if given. `target` may be `source` or `residual`.
    func apply(
        _ source: UnsafePointer<Float>, stride: Int, pixels: Int, adding residual: UnsafePointer<Float>?,
        residualStride: Int, into target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        let channels = weight.count
        let (weight, bias) = (weight.pointer, bias.pointer)
        for pixel in 0..<pixels {
            let from = source + pixel * stride
            let to = target + pixel * targetStride
            let other = residual.map { $0 + pixel * residualStride }
            var squares = Lanes()
            var rest: Float = 0
            var channel = 0
            while channel + 8 <= channels {
                let value = Lanes(at: from + channel)
                squares = value.times(value, plus: squares)
                channel += 8
            }
            while channel < channels {
                rest += from[channel] * from[channel]
                channel += 1
            }
            let four = squares.lowHalf + squares.highHalf
            let total = (four.x + four.z) + (four.y + four.w) + rest
            let inverse = 1 / (total / Float(channels) + Self.epsilon).squareRoot()
            channel = 0
            while channel + 8 <= channels {
                var value = (Lanes(at: from + channel) * inverse)
                    .times(Lanes(at: weight + channel), plus: Lanes(at: bias + channel))
                if let other { value += Lanes(at: other + channel) }
                value.write(to: to + channel)
                channel += 8
            }
            while channel < channels {
                to[channel] = from[channel] * inverse * weight[channel] + bias[channel] + (other?[channel] ?? 0)
                channel += 1
            }
        }
    }

    /// Normalises a map in place, and adds another if given.
    func apply(_ map: FeatureMap, adding residual: FeatureMap? = nil, into target: FeatureMap, on work: Workspace) {
        map.forEachRun(on: work) { first, pixels in
            apply(
                map.pointer + first * map.pixelStride, stride: map.pixelStride, pixels: pixels,
                adding: residual.map { UnsafePointer($0.pointer + first * $0.pixelStride) },
                residualStride: residual?.pixelStride ?? 0, into: target.pointer + first * target.pixelStride,
                targetStride: target.pixelStride)
        }
    }
}
