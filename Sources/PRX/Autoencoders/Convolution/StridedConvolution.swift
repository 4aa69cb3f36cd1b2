internal import Tensors

/// A 3x3 convolution with stride 2, for the encoders: patches of pixels gathered into rows of a matrix, then sgemm.
struct StridedConvolution: Sendable {
    private static let pixelsPerRun = 256
    private let weights: ConvolutionWeights
    private let padding: Int

    /// - Parameter padding: Rows and columns of zeros above and to the left, 0 or 1. Below and to the right there are as many as
    ///   the last output takes.
    init(_ weights: ConvolutionWeights, padding: Int) {
        precondition(weights.rows == 3 && weights.columns == 3, "\(weights.weight.name) is no 3x3 filter")
        self.weights = weights
        self.padding = padding
    }

    /// The weight as `[outputs, taps, inputs]`, so that a pixel's channels stay together.
    private func matrix() -> FloatBuffer {
        let (inputs, outputs) = (weights.inputs, weights.outputs)
        let stored = weights.weight.floats()
        let matrix = FloatBuffer(count: stored.count)
        for output in 0..<outputs {
            for input in 0..<inputs {
                for tap in 0..<9 {
                    matrix.pointer[(output * 9 + tap) * inputs + input] =
                        stored.pointer[(output * inputs + input) * 9 + tap]
                }
            }
        }
        return matrix
    }

    /// Computes a map of half the height and width; those of the input are even.
    func callAsFunction(_ input: FeatureMap, on work: Workspace) -> FeatureMap {
        let (inputs, outputs, bias) = (weights.inputs, weights.outputs, weights.bias)
        precondition(
            input.channels == inputs && input.height % 2 == 0 && input.width % 2 == 0, "the input does not fit")
        let output = FeatureMap(height: input.height / 2, width: input.width / 2, channels: outputs)
        let matrix = matrix()
        let run = Self.pixelsPerRun
        let count = output.pixelCount
        let width = 9 * inputs
        work.pool.parallelFor((count + run - 1) / run) { index in
            work.withScratch(count: run * width) { rows in
                let first = index * run
                let pixels = min(run, count - first)
                for pixel in 0..<pixels {
                    gather(input, at: first + pixel, width: output.width, into: rows + pixel * width)
                }
                let target = output.pointer + first * outputs
                if let bias {
                    for pixel in 0..<pixels { (target + pixel * outputs).update(from: bias.pointer, count: outputs) }
                }
                BLAS.sgemm(
                    transposeB: true, m: pixels, n: outputs, k: width, alpha: 1, a: rows, lda: width, b: matrix.pointer,
                    ldb: width, beta: bias == nil ? 0 : 1, c: target, ldc: outputs)
            }
        }
        return output
    }

    /// The nine pixels under the filter, zeros outside of the map.
    private func gather(_ input: FeatureMap, at pixel: Int, width: Int, into row: UnsafeMutablePointer<Float>) {
        let inputs = weights.inputs
        for tap in 0..<9 {
            let y = pixel / width * 2 + tap / 3 - padding
            let x = pixel % width * 2 + tap % 3 - padding
            let target = row + tap * inputs
            if y >= 0, y < input.height, x >= 0, x < input.width {
                target.update(from: input.pointer + y * input.rowStride + x * input.pixelStride, count: inputs)
            } else {
                target.update(repeating: 0, count: inputs)
            }
        }
    }
}
