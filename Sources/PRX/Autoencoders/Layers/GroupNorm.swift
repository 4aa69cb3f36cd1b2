internal import Tensors

/// Group normalisation over groups of neighbouring channels, with a weight and a bias per channel.
struct GroupNorm: Sendable {
    /// What diffusers' autoencoders pass everywhere.
    static let epsilon = 1e-6

    private let weight: FloatBuffer
    private let bias: FloatBuffer
    private let groups: Int

    /// - Parameters:
    ///   - weight: `[C]`, `bias` too.
    ///   - groups: A divisor of C.
    init(weight: StoredTensor, bias: StoredTensor, groups: Int) {
        precondition(groups >= 1 && weight.count % groups == 0, "\(weight.name) cannot be cut into \(groups) groups")
        self.weight = weight.floats()
        self.bias = bias.floats()
        self.groups = groups
    }

    /// The normalisation of a map with these moments, as a factor and a term per channel.
    func affine(_ moments: ChannelMoments) -> ChannelAffine {
        let channels = weight.count
        let width = channels / groups
        var factors = [Float](repeating: 0, count: roundedUp(channels, to: 8))
        var terms = factors
        for group in 0..<groups {
            let range = (group * width)..<((group + 1) * width)
            let count = Double(moments.pixelCount * width)
            let mean = moments.sums[range].reduce(0, +) / count
            let variance = max(0, moments.squares[range].reduce(0, +) / count - mean * mean)
            let inverse = 1 / (variance + Self.epsilon).squareRoot()
            for channel in range {
                let factor = Double(weight.pointer[channel]) * inverse
                factors[channel] = Float(factor)
                terms[channel] = Float(Double(bias.pointer[channel]) - mean * factor)
            }
        }
        return ChannelAffine(factors: FloatBuffer(factors), terms: FloatBuffer(terms))
    }
}

/// `x · factor + term`, both per channel. Beyond the last channel, up to a multiple of 8, both are 0.
struct ChannelAffine: Sendable {
    let factors: FloatBuffer
    let terms: FloatBuffer

    /// Applies it to pixels, and SiLU to the result if `activates`.
    /// - Parameters:
    ///   - source: `pixels` pixels, `stride` floats from one to the next; `target` likewise.
    func apply(
        _ source: UnsafePointer<Float>, stride: Int, channels: Int, pixels: Int, activates: Bool,
        into target: UnsafeMutablePointer<Float>, targetStride: Int
    ) {
        let (factors, terms) = (factors.pointer, terms.pointer)
        let whole = channels / 8 * 8
        for pixel in 0..<pixels {
            let from = source + pixel * stride
            let to = target + pixel * targetStride
            for channel in Swift.stride(from: 0, to: whole, by: 8) {
                let value = Lanes(at: from + channel).times(
                    Lanes(at: factors + channel), plus: Lanes(at: terms + channel))
                (activates ? value.silu : value).write(to: to + channel)
            }
            if whole < channels {
                let count = channels - whole
                let value = Lanes(at: from + whole, count: count)
                    .times(Lanes(at: factors + whole), plus: Lanes(at: terms + whole))
                (activates ? value.silu : value).write(to: to + whole, count: count)
            }
        }
    }
}
