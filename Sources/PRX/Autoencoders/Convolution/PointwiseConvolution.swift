internal import Tensors

/// A 1x1 convolution: the same linear map of every pixel's channels.
///
/// Runs of pixels are cut by the shape alone, so that their packed channels take little memory. The weight stays mapped and is
/// converted for every run.
struct PointwiseConvolution: Sendable {
    private static let floatsPerRun = 1 << 22
    private let linear: Linear

    init(_ weights: ConvolutionWeights) {
        precondition(weights.rows == 1 && weights.columns == 1, "\(weights.weight.name) is no 1x1 filter")
        linear = Linear(weight: weights.weight, bias: weights.bias)
    }

    /// Computes the output.
    /// - Parameters:
    ///   - output: As many pixels as the input; it shares none of their channels with it.
    ///   - activates: Whether the output is the SiLU of the result.
    func callAsFunction(
        _ input: FeatureMap, into output: FeatureMap, activates: Bool = false, on work: Workspace
    ) {
        precondition(
            input.channels == linear.inputs && output.channels == linear.outputs,
            "a map does not fit \(linear.outputs)x\(linear.inputs)")
        precondition(input.pixelCount == output.pixelCount, "a 1x1 convolution keeps the size")
        let run = max(1024, Self.floatsPerRun / linear.inputs)
        for first in stride(from: 0, to: input.pixelCount, by: run) {
            let target = output.pointer + first * output.pixelStride
            linear(
                input.pointer + first * input.pixelStride, rows: min(run, input.pixelCount - first),
                inputStride: input.pixelStride, into: target, outputStride: output.pixelStride, on: work.pool
            ) { row, columns in
                if activates {
                    Lanes.applySiLU(target + row * output.pixelStride + columns.lowerBound, count: columns.count)
                }
            }
        }
    }
}
