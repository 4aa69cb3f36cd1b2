internal import Foundation
internal import Tensors

/// The fixed tables of PRX: sinusoids of time and resolution, and rotary angles.
enum PRXEmbeddings {
    /// Cosines then sines of `value · f · factor`, with `count` frequencies `f = exp(-ln(maxPeriod) · i / count)`, all in
    /// float32 in upstream's order (`timestep_embedding`): the phase reaches 1000, so the order shows.
    static func sinusoids(of value: Float, count: Int, maxPeriod: Double, factor: Float) -> [Float] {
        let phases = (0..<count).map { index -> Float in
            let frequency = expf(Float(-log(maxPeriod)) * Float(index) / Float(count))
            return (value * frequency) * factor
        }
        return phases.map(cosf) + phases.map(sinf)
    }

    /// Cosines and sines of every pair of a head's channels, as `Kernels.normRotate` takes them, for the tokens of a grid in
    /// row-major order: `[rows * columns, 2 * (axes[0] + axes[1])]`. The first axis counts rows, the second columns. Angles in
    /// float64, as upstream's `rope`.
    static func rotary(rows: Int, columns: Int, axes: [Int], theta: Double) -> FloatBuffer {
        let width = axes[0] + axes[1]
        let table = FloatBuffer(count: rows * columns * 2 * width)
        for row in 0..<rows {
            for column in 0..<columns {
                let target = table.pointer + (row * columns + column) * 2 * width
                var offset = 0
                for (axis, position) in zip(axes, [row, column]) {
                    for pair in 0..<(axis / 2) {
                        let angle = Double(position) * (1 / pow(theta, Double(2 * pair) / Double(axis)))
                        let (cosine, sine) = (Float(cos(angle)), Float(sin(angle)))
                        (target[offset], target[offset + 1]) = (cosine, cosine)
                        (target[width + offset], target[width + offset + 1]) = (-sine, sine)
                        offset += 2
                    }
                }
            }
        }
        return table
    }
}
