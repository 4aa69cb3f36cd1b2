internal import Foundation
internal import Tensors

/// Cosines and sines of the half-split rotary embedding of transformers' language models.
enum RotaryTable {
    /// `[count, headWidth]`: cosine and sine, alternating, of `position · theta^(-2k / headWidth)` for every pair `k`, in
    /// float32 as upstream computes them.
    static func make(positions: Range<Int>, headWidth: Int, theta: Double) -> FloatBuffer {
        let table = FloatBuffer(count: positions.count * headWidth)
        let frequencies = (0..<(headWidth / 2)).map { pair in
            1 / powf(Float(theta), Float(2 * pair) / Float(headWidth))
        }
        for (row, position) in positions.enumerated() {
            for (pair, frequency) in frequencies.enumerated() {
                let angle = Float(position) * frequency
                table.pointer[row * headWidth + 2 * pair] = cosf(angle)
                table.pointer[row * headWidth + 2 * pair + 1] = sinf(angle)
            }
        }
        return table
    }
}
