internal import Foundation
internal import Tensors

/// A normal distribution of latents, every element on its own. Port of diffusers' class of that name.
public struct DiagonalGaussianDistribution: Sendable {
    /// Means, which are the mode: `[C, h, w]` in the autoencoder's own scale.
    public let mean: FloatImage
    /// Natural logarithms of the variances, -30 to 20, `[C, h, w]`.
    public let logVariance: FloatImage

    /// - Parameter moments: `[2 · C, h, w]`: means, then logarithms of variances of any size.
    init(moments: FloatImage) {
        let (height, width) = (moments.height, moments.width)
        mean = FloatImage(channels: moments.channels / 2, height: height, width: width)
        logVariance = FloatImage(channels: moments.channels / 2, height: height, width: width)
        let count = mean.values.count
        for index in 0..<count {
            mean.values.pointer[index] = moments.values.pointer[index]
            logVariance.values.pointer[index] = min(max(moments.values.pointer[count + index], -30), 20)
        }
    }

    /// A draw: `mean + e^(logVariance / 2) · noise`.
    /// - Parameter noise: Standard normal, of the shape of `mean`.
    public func sample(noise: FloatImage) -> FloatImage {
        precondition(
            noise.channels == mean.channels && noise.height == mean.height && noise.width == mean.width,
            "noise of another shape than the latents")
        let result = FloatImage(channels: mean.channels, height: mean.height, width: mean.width)
        for index in 0..<result.values.count {
            let deviation = exp(0.5 * logVariance.values.pointer[index])
            result.values.pointer[index] = mean.values.pointer[index] + deviation * noise.values.pointer[index]
        }
        return result
    }
}
