internal import Tensors

/// A 1x1 convolution: the same linear map of every pixel's channels, on OpenBLAS.
///
/// Runs of pixels are cut by the shape alone, each multiplied by one single-threaded sgemm. The weight stays mapped and is
/// converted in every call.
struct PointwiseConvolution: Sendable {
    private static let floatsPerRun = 1 << 19
    private let weights: ConvolutionWeights

    init(_ weights: ConvolutionWeights) {
        precondition(weights.rows == 1 && weights.columns == 1, "\(weights.weight.name) is no 1x1 filter")
        self.weights = weights
    }

    /// Computes the output.
    /// - Parameters:
    ///   - output: As many pixels as the input; it shares none of their channels with it.
    ///   - activates: Whether the output is the SiLU of the result.
    func callAsFunction(
        _ input: FeatureMap, into output: FeatureMap, activates: Bool = false, on work: Workspace
    ) {
        let (inputs, outputs, bias) = (weights.inputs, weights.outputs, weights.bias)
        precondition(input.channels == inputs && output.channels == outputs, "a map does not fit \(outputs)x\(inputs)")
        precondition(input.pixelCount == output.pixelCount, "a 1x1 convolution keeps the size")
        let matrix = weights.weight.floats()
        let count = input.pixelCount
        let run = min(1024, max(64, Self.floatsPerRun / outputs))
        work.pool.parallelFor((count + run - 1) / run) { index in
            let first = index * run
            let pixels = min(run, count - first)
            let target = output.pointer + first * output.pixelStride
            if let bias {
                for pixel in 0..<pixels {
                    (target + pixel * output.pixelStride).update(from: bias.pointer, count: outputs)
                }
            }
            BLAS.sgemm(
                transposeB: true, m: pixels, n: outputs, k: inputs, alpha: 1,
                a: input.pointer + first * input.pixelStride, lda: input.pixelStride, b: matrix.pointer, ldb: inputs,
                beta: bias == nil ? 0 : 1, c: target, ldc: output.pixelStride)
            if activates {
                for pixel in 0..<pixels { Lanes.applySiLU(target + pixel * output.pixelStride, count: outputs) }
            }
        }
    }
}
