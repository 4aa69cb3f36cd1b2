import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("3x3 convolutions against sums in double precision")
struct ConvolutionTests {
    struct Shape: Sendable, CustomStringConvertible {
        let inputs: Int
        let outputs: Int
        let height: Int
        let width: Int
        let isDoubled: Bool
        var description: String { "\(inputs) -> \(outputs), \(height)x\(width)\(isDoubled ? ", doubled" : "")" }
    }

    static let shapes = [
        Shape(inputs: 1, outputs: 1, height: 1, width: 1, isDoubled: false),
        Shape(inputs: 3, outputs: 5, height: 7, width: 9, isDoubled: false),
        Shape(inputs: 3, outputs: 5, height: 7, width: 9, isDoubled: true),
        Shape(inputs: 17, outputs: 33, height: 3, width: 50, isDoubled: false),
        Shape(inputs: 16, outputs: 16, height: 61, width: 5, isDoubled: false),
        Shape(inputs: 12, outputs: 20, height: 31, width: 2, isDoubled: true),
        Shape(inputs: 512, outputs: 32, height: 12, width: 12, isDoubled: false),
        Shape(inputs: 512, outputs: 32, height: 6, width: 6, isDoubled: true),
    ]

    /// The largest models have 512 channels. Half a level of an 8-bit image is 2e-3 of its range.
    @Test(arguments: shapes)
    func output(shape: Shape) throws {
        let side = shape.isDoubled ? 2 : 1
        let (height, width) = (side * shape.height, side * shape.width)
        var random = TorchGenerator(seed: 11)
        let image = FloatImage(
            channels: shape.inputs, height: shape.height, width: shape.width,
            values: FloatBuffer(Array(random.normal(count: shape.inputs * shape.height * shape.width))))
        let weights = Array(random.normal(count: shape.outputs * shape.inputs * 9))
        // A mean that is large against the deviation would spoil a variance that is computed carelessly.
        let bias = random.normal(count: shape.outputs).map { 1_000 * $0 }
        let tensors = try TemporaryTensors([
            "w": ([shape.outputs, shape.inputs, 3, 3], weights), "b": ([shape.outputs], bias),
        ])
        let result = StandaloneConvolution(weight: try tensors["w"], bias: nil)(
            image, isDoubled: shape.isDoubled, on: ThreadPool(threads: 2))
        let biased = StandaloneConvolution(weight: try tensors["w"], bias: try tensors["b"])(
            image, isDoubled: shape.isDoubled, on: ThreadPool(threads: 2))
        #expect(result.output.channels == shape.outputs)
        #expect(result.output.height == height && result.output.width == width)

        let expected = reference(image, weights, shape: shape)
        let size = (expected.reduce(0) { $0 + $1 * $1 } / Double(expected.count)).squareRoot()
        let deviation = Deviation(
            result.output.values.array, expected.map(Float.init), atol: 5e-5 * size, rtol: 0)
        #expect(deviation.excess <= 0 && deviation.relativeL2 <= 5e-6, "\(shape): \(deviation)")

        for channel in 0..<shape.outputs {
            let plane = expected[(channel * height * width)..<((channel + 1) * height * width)]
            let mean = plane.reduce(0, +) / Double(plane.count)
            let variance = plane.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(plane.count)
            #expect(abs(result.means[channel] - mean) <= 1e-5 * size)
            #expect(abs(result.variances[channel] - variance) <= 1e-5 * size * size)
            #expect(abs(biased.means[channel] - mean - Double(bias[channel])) <= 1e-4 * size + 1e-3)
            #expect(abs(biased.variances[channel] - variance) <= 1e-3 * size * size + 1e-6)
        }
    }

    /// The definition, with every product and sum in double precision.
    private func reference(_ image: FloatImage, _ weights: [Float], shape: Shape) -> [Double] {
        let side = shape.isDoubled ? 2 : 1
        let (height, width) = (side * shape.height, side * shape.width)
        var result: [Double] = []
        result.reserveCapacity(shape.outputs * height * width)
        for output in 0..<shape.outputs {
            for y in 0..<height {
                for x in 0..<width {
                    var sum = 0.0
                    for tap in 0..<9 {
                        let (row, column) = (y + tap / 3 - 1, x + tap % 3 - 1)
                        guard row >= 0, row < height, column >= 0, column < width else { continue }
                        for input in 0..<shape.inputs {
                            let pixel = (input * shape.height + row / side) * shape.width + column / side
                            sum +=
                                Double(image.values.pointer[pixel])
                                * Double(weights[(output * shape.inputs + input) * 9 + tap])
                        }
                    }
                    result.append(sum)
                }
            }
        }
        return result
    }
}
