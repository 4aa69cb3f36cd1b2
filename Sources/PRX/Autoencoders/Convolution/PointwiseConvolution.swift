internal import Tensors

/// A 1x1 convolution: the same linear map of every pixel's channels, on OpenBLAS.
///
/// Runs of pixels are cut by the shape alone, each multiplied by one single-threaded sgemm. The weight stays mapped and is
/// converted in every call.
struct PointwiseConvolution: Sendable {
    private static let pixelsPerRun = 512
    private let weights: ConvolutionWeights

    init(_ weights: ConvolutionWeights) {
        precondition(weights.rows == 1 && weights.columns == 1, "\(weights.weight.name) is no 1x1 filter")
        self.weights = weights
    }

    /// Computes the output, or adds to it.
    /// - Parameters:
    ///   - output: As many pixels as the input; it shares none of their channels with it.
    ///   - accumulates: Whether the result is added to what the output holds.
    func callAsFunction(
        _ input: FeatureMap, into output: FeatureMap, accumulates: Bool = false, on pool: ThreadPool
    ) {
        let (inputs, outputs, bias) = (weights.inputs, weights.outputs, weights.bias)
        precondition(input.channels == inputs && output.channels == outputs, "a map does not fit \(outputs)x\(inputs)")
        precondition(input.pixelCount == output.pixelCount, "a 1x1 convolution keeps the size")
        let matrix = weights.weight.floats()
        let count = input.pixelCount
        let run = Self.pixelsPerRun
        pool.parallelFor((count + run - 1) / run) { index in
            let first = index * run
            let pixels = min(run, count - first)
            let target = output.pointer + first * output.pixelStride
            if let bias {
                for pixel in 0..<pixels {
                    let to = target + pixel * output.pixelStride
                    for channel in 0..<outputs {
                        to[channel] = accumulates ? to[channel] + bias.pointer[channel] : bias.pointer[channel]
                    }
                }
            }
            BLAS.sgemm(
                transposeB: true, m: pixels, n: outputs, k: inputs, alpha: 1,
                a: input.pointer + first * input.pixelStride, lda: input.pixelStride, b: matrix.pointer, ldb: inputs,
                beta: bias != nil || accumulates ? 1 : 0, c: target, ldc: output.pixelStride)
        }
    }
}
