internal import Tensors

/// A 1x1 convolution within groups of channels, as many out as in, without bias.
struct GroupedPointwiseConvolution: Sendable {
    private static let pixelsPerRun = 512
    private let groups: [Linear]

    init(_ weights: ConvolutionWeights) {
        let width = weights.inputs
        precondition(
            weights.rows == 1 && weights.columns == 1 && weights.outputs % width == 0 && weights.bias == nil,
            "\(weights.weight.name) is no filter of equal groups")
        groups = stride(from: 0, to: weights.outputs, by: width).map {
            Linear(weight: weights.weight.slice($0..<($0 + width)))
        }
    }

    /// Computes a map of the input's size and channels. Its memory is not the input's.
    func callAsFunction(_ input: FeatureMap, into output: FeatureMap, on work: Workspace) {
        let width = groups[0].inputs
        precondition(input.channels == groups.count * width && output.channels == input.channels, "the maps do not fit")
        let count = input.pixelCount
        let run = Self.pixelsPerRun
        work.pool.parallelFor((count + run - 1) / run) { index in
            let first = index * run
            for (group, linear) in groups.enumerated() {
                // The pool is busy with this loop, so that each product stays on its thread.
                linear(
                    input.pointer + first * input.pixelStride + group * width, rows: min(run, count - first),
                    inputStride: input.pixelStride,
                    into: output.pointer + first * output.pixelStride + group * width,
                    outputStride: output.pixelStride, on: work.pool)
            }
        }
    }
}
