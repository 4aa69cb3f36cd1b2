package import Tensors

/// A 3x3 convolution outside of a model, as the models compute it: for tests of its precision and for benchmarks.
package struct StandaloneConvolution {
    private let weights: ConvolutionWeights

    /// - Parameters:
    ///   - weight: `[out, in, 3, 3]`.
    ///   - bias: `[out]`.
    package init(weight: StoredTensor, bias: StoredTensor?) {
        weights = ConvolutionWeights(weight: weight, bias: bias)
    }

    /// Convolves with stride 1 and a border of zeros.
    /// - Parameter isDoubled: Whether every row and column of the input counts twice.
    /// - Returns: The output, and the mean and variance of each of its channels.
    package func callAsFunction(
        _ image: FloatImage, isDoubled: Bool, on pool: ThreadPool
    ) -> (output: FloatImage, means: [Double], variances: [Double]) {
        let work = Workspace(pool: pool)
        let input = ConvolutionInput(FeatureMap(planes: image), isDoubled: isDoubled)
        let output = FeatureMap(height: input.height, width: input.width, channels: weights.outputs)
        let moments = WinogradConvolution(filters: WinogradFilters(weights, isDoubled: isDoubled, on: work)).measuring(
            input, into: output, on: work)
        let count = Double(moments.pixelCount)
        let means = moments.sums.map { $0 / count }
        return (output.planes, means, zip(moments.squares, means).map { $0 / count - $1 * $1 })
    }
}
