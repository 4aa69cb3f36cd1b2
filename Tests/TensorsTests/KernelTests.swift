import Foundation
import Tensors
import Testing

/// The kernels against the same formulas written plainly in 64-bit floats.
@Suite("Kernels")
struct KernelTests {
    private func values(_ count: Int, seed: UInt64 = 3, scale: Float = 2) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 40) * 0x1p-23 - 1) * scale
        }
    }

    private func distance(_ a: [Float], _ b: [Double]) -> Double {
        zip(a, b).map { abs(Double($0) - $1) }.max() ?? .infinity
    }

    @Test(arguments: [1, 7, 8, 20, 256]) func layerNormModulate(width: Int) {
        let x = FloatBuffer(values(3 * width))
        let (shift, scale) = (FloatBuffer(values(width, seed: 5)), FloatBuffer(values(width, seed: 6)))
        let y = FloatBuffer(count: 3 * width)
        Kernels.layerNormModulate(
            x.pointer, rows: 3, width: width, shift: shift.pointer, scale: scale.pointer, epsilon: 1e-6, into: y.pointer
        )
        for row in 0..<3 {
            let line = x.array[(row * width)..<((row + 1) * width)].map(Double.init)
            let mean = line.reduce(0, +) / Double(width)
            let variance = line.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
            let expected = line.enumerated().map {
                (1 + Double(scale.array[$0])) * ($1 - mean) / (variance + 1e-6).squareRoot() + Double(shift.array[$0])
            }
            #expect(distance(Array(y.array[(row * width)..<((row + 1) * width)]), expected) < 1e-5)
        }
    }

    @Test(arguments: [1, 5, 8, 1064]) func softmax(count: Int) {
        let x = FloatBuffer(values(count, scale: 30))
        let input = x.array.map(Double.init)
        Kernels.softmax(x.pointer, count: count)
        let peak = input.max() ?? 0
        let sum = input.map { exp($0 - peak) }.reduce(0, +)
        #expect(distance(x.array, input.map { exp($0 - peak) / sum }) < 1e-6)
    }

    @Test func gatesAtOrdinaryAndExtremeValues() {
        let inputs = values(37) + [-200, -88, -20, 0, 20, 88, 200, 1e30, -1e30]
        let ones = FloatBuffer([Float](repeating: 1, count: inputs.count))
        let gelu = FloatBuffer(inputs)
        Kernels.geluGate(gelu.pointer, ones.pointer, count: inputs.count)
        let silu = FloatBuffer(inputs)
        Kernels.siluGate(silu.pointer, nil, count: inputs.count)
        for (index, input) in inputs.enumerated() {
            let x = Double(input)
            let g = 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
            #expect(abs(Double(gelu.array[index]) - g) <= 1e-6 + 1e-6 * abs(g), "gelu(\(input))")
            let s = x / (1 + exp(-x))
            #expect(abs(Double(silu.array[index]) - s) <= 1e-6 + 1e-6 * abs(s), "silu(\(input))")
        }
    }

    @Test func attentionWithGroupedHeadsAndCausality() {
        let (heads, keyHeads, width, queries, keys) = (4, 2, 8, 150, 150)
        let q = FloatBuffer(values(queries * heads * width, seed: 7))
        let k = FloatBuffer(values(keys * keyHeads * width, seed: 8))
        let v = FloatBuffer(values(keys * keyHeads * width, seed: 9))
        for causal in [nil, 0] as [Int?] {
            let out = FloatBuffer(count: queries * heads * width)
            Attention(heads: heads, keyHeads: keyHeads, headWidth: width, scale: 0.5, causalOffset: causal)(
                q: q.pointer, qStride: heads * width, queries: queries, k: k.pointer, kStride: keyHeads * width,
                v: v.pointer, vStride: keyHeads * width, keyCount: keys, out: out.pointer, on: ThreadPool(threads: 2))
            var worst = 0.0
            for query in 0..<queries {
                for head in 0..<heads {
                    let visible = causal == nil ? keys : query + 1
                    let scores = (0..<visible).map { key in
                        (0..<width).map {
                            Double(q.pointer[(query * heads + head) * width + $0])
                                * Double(k.pointer[(key * keyHeads + head / 2) * width + $0])
                        }.reduce(0, +) * 0.5
                    }
                    let peak = scores.max() ?? 0
                    let weights = scores.map { exp($0 - peak) }
                    let sum = weights.reduce(0, +)
                    for column in 0..<width {
                        let expected = (0..<visible).map {
                            weights[$0] / sum * Double(v.pointer[($0 * keyHeads + head / 2) * width + column])
                        }.reduce(0, +)
                        worst = max(worst, abs(expected - Double(out.pointer[(query * heads + head) * width + column])))
                    }
                }
            }
            #expect(worst < 1e-5)
        }
    }

    @Test func tilesAreEachComputedOnceWhateverTheThreads() {
        for threads in 1...4 {
            let counts = FloatBuffer(count: 1000)
            nonisolated(unsafe) let pointer = counts.pointer
            ThreadPool(threads: threads).parallelFor(1000) { pointer[$0] += 1 }
            #expect(counts.array.allSatisfy { $0 == 1 })
        }
    }
}
