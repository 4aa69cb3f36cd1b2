internal import Tensors

/// A 1x1 convolution within groups of channels, as many out as in, without bias.
struct GroupedPointwiseConvolution: Sendable {
    private static let pixelsPerRun = 512
    private let weights: ConvolutionWeights

    init(_ weights: ConvolutionWeights) {
        precondition(
            weights.rows == 1 && weights.columns == 1 && weights.outputs % weights.inputs == 0 && weights.bias == nil,
            "\(weights.weight.name) is no filter of equal groups")
        self.weights = weights
    }

    /// Computes a map of the input's size and channels. Its memory is not the input's.
    func callAsFunction(_ input: FeatureMap, into output: FeatureMap, on work: Workspace) {
        let (width, groups) = (weights.inputs, weights.outputs / weights.inputs)
        precondition(input.channels == weights.outputs && output.channels == input.channels, "the maps do not fit")
        let matrix = weights.weight.floats()
        let count = input.pixelCount
        let run = Self.pixelsPerRun
        work.pool.parallelFor((count + run - 1) / run) { index in
            let first = index * run
            for group in 0..<groups {
                BLAS.sgemm(
                    transposeB: true, m: min(run, count - first), n: width, k: width, alpha: 1,
                    a: input.pointer + first * input.pixelStride + group * width, lda: input.pixelStride,
                    b: matrix.pointer + group * width * width, ldb: width, beta: 0,
                    c: output.pointer + first * output.pixelStride + group * width, ldc: output.pixelStride)
            }
        }
    }
}
