import Foundation
import Tensors
import Testing

/// Products and attention against sums in 64-bit floats, at sizes that leave something over everywhere.
@Suite("Linear layers")
struct LinearTests {
    private func values(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Few enough bits that bfloat16 and float16 hold them exactly.
            return Float(Int(state >> 57) - 64) / 64
        }
    }

    /// Numbers between -1 and 1 with all the bits a float has.
    private struct Numbers {
        var state: UInt64

        mutating func next() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Double(Int64(bitPattern: state)) * 0x1p-63)
        }
    }

    /// A weight of a type, stored and opened again.
    private func weight(_ values: [Float], _ shape: [Int], _ type: String) throws -> StoredTensor {
        let bytes: [UInt8] = values.flatMap { value -> [UInt8] in
            let bits = value.bitPattern
            switch type {
            case "F32": return (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
            case "BF16": return [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 24)]
            default:
                let exponent = Int(bits >> 23 & 0xFF)
                let half =
                    value == 0
                    ? 0 : UInt16(bits >> 16 & 0x8000) | UInt16(exponent - 112) << 10 | UInt16(bits >> 13 & 0x3FF)
                return [UInt8(truncatingIfNeeded: half), UInt8(truncatingIfNeeded: half >> 8)]
            }
        }
        let header = #"{"w":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[0,\#(bytes.count)]}}"#
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: url) }
        try (withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + Data(bytes))
            .write(to: url)
        return try #require(try SafetensorsFile(path: url.path).tensors["w"])
    }

    /// The classes of kernels that this machine has.
    private static let classes = KernelClass.allCases.filter(\.isSupported)

    @Test(
        arguments: ["F32", "BF16", "F16"].flatMap { type in classes.map { (type, $0) } },
        [(1, 1, 1), (7, 19, 13), (150, 300, 270), (97, 33, 600), (40, 290, 1900)])
    func everyElementIsTheSum(
        kind: (type: String, kernels: KernelClass), size: (rows: Int, outputs: Int, inputs: Int)
    ) throws {
        let (rows, outputs, inputs) = size
        let x = FloatBuffer(values(rows * inputs, seed: 1))
        let w = values(outputs * inputs, seed: 2)
        let layer = Linear(weight: try weight(w, [outputs, inputs], kind.type), kernels: kind.kernels)
        let y = FloatBuffer(count: rows * outputs)
        layer(x.pointer, rows: rows, into: y.pointer, on: ThreadPool(threads: 2))
        // Counted the other way round, so that what is no number counts.
        var close = 0
        for row in 0..<rows {
            for output in 0..<outputs {
                var sum = 0.0
                for index in 0..<inputs {
                    sum += Double(x.pointer[row * inputs + index]) * Double(w[output * inputs + index])
                }
                if abs(sum - Double(y.pointer[row * outputs + output])) < 1e-4 { close += 1 }
            }
        }
        #expect(close == rows * outputs)
    }

    /// Numbers with all the bits a float has, on both sides, lose no more in the tile unit than in vectors.
    @Test(arguments: classes, ["F32", "BF16"])
    func floatsKeepTheirBits(kernels: KernelClass, type: String) throws {
        let (rows, outputs, inputs) = (33, 47, 512)
        var numbers = Numbers(state: 9)
        let x = FloatBuffer((0..<(rows * inputs)).map { _ in numbers.next() })
        let w = (0..<(outputs * inputs)).map { _ in
            type == "F32" ? numbers.next() : Float(bitPattern: numbers.next().bitPattern & 0xFFFF_0000)
        }
        let y = FloatBuffer(count: rows * outputs)
        Linear(weight: try weight(w, [outputs, inputs], type), kernels: kernels)(
            x.pointer, rows: rows, into: y.pointer, on: ThreadPool(threads: 2))
        var worst = 0.0
        for row in 0..<rows {
            for output in 0..<outputs {
                let (sum, size) = (0..<inputs).reduce(into: (0.0, 0.0)) {
                    let product = Double(x.pointer[row * inputs + $1]) * Double(w[output * inputs + $1])
                    $0 = ($0.0 + product, $0.1 + abs(product))
                }
                worst = max(worst, abs(Double(y.pointer[row * outputs + output]) - sum) / size)
            }
        }
        print("\(kernels.rawValue), \(type): largest error \(worst) of the sum of sizes")
        // A float's last bit is 6e-8; bfloat16 alone would be off by 1e-3.
        #expect(worst < 2e-7)
    }

    /// Two levels of Strassen's algorithm, with one and two stretches of the inner dimension, one and two blocks of rows, one and two
    /// layers, and something left over everywhere. What lies behind the rows does not count, nor do threads.
    @Test(arguments: [(205, 521, 1536, 1), (600, 700, 832, 2), (193, 512, 4096, 1)])
    func strassenRoundsLittleMore(rows: Int, outputs: Int, inputs: Int, layerCount: Int) throws {
        var numbers = Numbers(state: 11)
        let x = FloatBuffer((0..<(rows * inputs)).map { _ in numbers.next() })
        let weights = (0..<layerCount).map { _ in
            (0..<(outputs * inputs)).map { _ in Float(bitPattern: numbers.next().bitPattern & 0xFFFF_0000) }
        }
        let layers = try weights.map { Linear(weight: try weight($0, [outputs, inputs], "BF16"), kernels: .vectors) }
        func product(allowsStrassen: Bool, threads: Int, behind: Float) -> [Float] {
            let packed = PackedRows(
                capacity: rows + 40, width: inputs, kernels: .vectors, allowsStrassen: allowsStrassen)
            let rest = FloatBuffer([Float](repeating: behind, count: 40 * inputs))
            packed.store(rest.pointer, stride: inputs, rows: rows..<(rows + 40), columns: 0..<inputs)
            packed.store(x.pointer, stride: inputs, rows: 0..<rows, columns: 0..<inputs)
            let y = FloatBuffer(count: layerCount * rows * outputs)
            Linear.product(layers, packed, rows: rows, on: ThreadPool(threads: threads)) { block in
                for layer in 0..<layerCount {
                    for row in block.rows {
                        let from =
                            block.values + layer * block.layerStride
                            + (row - block.rows.lowerBound) * block.stride
                        (y.pointer + (layer * rows + row) * outputs + block.columns.lowerBound)
                            .update(from: from, count: block.columns.count)
                    }
                }
            }
            return y.array
        }
        /// The largest error, as a share of the sum of sizes.
        func worst(_ y: [Float]) -> Double {
            var worst = 0.0
            for layer in 0..<layerCount {
                // Every output of some rows, among them the first, the last, and those where blocks meet.
                for row in Set([0, 5, 6, 47, 48, 95, 96, 191, 192, 383, 384, 575, 576, rows - 1]).filter({ $0 < rows })
                {
                    for output in 0..<outputs {
                        var (sum, size) = (0.0, 0.0)
                        for index in 0..<inputs {
                            let product =
                                Double(x.pointer[row * inputs + index])
                                * Double(weights[layer][output * inputs + index])
                            (sum, size) = (sum + product, size + abs(product))
                        }
                        let error = abs(Double(y[(layer * rows + row) * outputs + output]) - sum) / size
                        worst = error.isNaN ? .infinity : max(worst, error)
                    }
                }
            }
            return worst
        }
        let y = product(allowsStrassen: true, threads: 1, behind: 0)
        let direct = product(allowsStrassen: false, threads: 1, behind: 0)
        #expect(y != direct, "it was not Strassen's algorithm")
        let (ours, theirs) = (worst(y), worst(direct))
        print("\(rows) x \(outputs) x \(inputs): largest error \(ours) of the sum of sizes, directly \(theirs)")
        #expect(ours < 1e-6)
        #expect(product(allowsStrassen: true, threads: 3, behind: 7e8) == y)
    }

    /// Rounded activations, then an exact product: on vectors and on tiles.
    @Test(arguments: classes, [ActivationPrecision.bits8, .bits16])
    func roundedActivations(kernels: KernelClass, precision: ActivationPrecision) throws {
        let (rows, outputs, inputs) = (19, 21, 130)
        let x = values(rows * inputs, seed: 1).map { $0 * 1.2345678 }
        let w = values(outputs * inputs, seed: 2)
        let packed = PackedRows(capacity: rows, width: inputs, precision: precision, kernels: kernels)
        let buffer = FloatBuffer(x)
        packed.store(buffer.pointer, stride: inputs, rows: 0..<rows, columns: 0..<inputs)
        let y = FloatBuffer(count: rows * outputs)
        Linear(weight: try weight(w, [outputs, inputs], "BF16"), kernels: kernels)(
            packed, rows: rows, into: y.pointer, on: ThreadPool(threads: 2))
        func rounded(_ value: Float) -> Double {
            guard value != 0 else { return 0 }
            // What is left of 24 bits of mantissa, by Double's own rounding.
            let bits = precision == .bits8 ? 8 : 16
            let scale = Double(sign: .plus, exponent: bits - 1 - Int(value.exponent), significand: 1)
            return (Double(value) * scale).rounded(.toNearestOrEven) / scale
        }
        let slack = precision == .bits8 ? 1e-4 : 2e-3
        for row in 0..<rows {
            for output in 0..<outputs {
                let sum = (0..<inputs).reduce(0.0) {
                    $0 + rounded(x[row * inputs + $1]) * Double(w[output * inputs + $1])
                }
                // Two rounded parts hold 16 bits and a sign each, a little more than 16 in all.
                #expect(abs(sum - Double(y.pointer[row * outputs + output])) < slack)
            }
        }
    }

    /// Trivial where there is no AVX-512.
    @Test(arguments: [(1, 1), (2, 3), (5, 2), (24, 8)])
    func wideVectorsMakeTheBytesOfTheOthers(rowPanels: Int, columnPanels: Int) {
        let inner = 77
        let a = FloatBuffer(values(rowPanels * 6 * inner, seed: 1).map { $0 * 1.37 })
        let b = FloatBuffer(values(columnPanels * 16 * inner, seed: 2).map { $0 * 0.73 })
        let stride = columnPanels * 16
        let results = [false, true].map { isWide in
            let c = FloatBuffer(values(rowPanels * 6 * stride, seed: 3))
            if isWide {
                KernelClass.vectors.multiply(
                    inner, planes: 1, a.pointer, rowPanels: rowPanels, b.pointer, columnPanels: columnPanels,
                    into: c.pointer, stride: stride, accumulates: true)
            } else {
                PanelKernel.multiplyBlock(
                    inner, a.pointer, rowPanels: rowPanels, b.pointer, columnPanels: columnPanels, into: c.pointer,
                    stride: stride, accumulates: true)
            }
            return c.array
        }
        #expect(results[0] == results[1])
    }

    @Test(arguments: classes)
    func neitherThreadsNorOtherRowsChangeABit(kernels: KernelClass) throws {
        let (rows, outputs, inputs) = (151, 700, 515)
        let x = FloatBuffer(values(rows * inputs, seed: 3))
        let layer = Linear(
            weight: try weight(values(outputs * inputs, seed: 4), [outputs, inputs], "BF16"), kernels: kernels)
        let expected = FloatBuffer(count: rows * outputs)
        layer(x.pointer, rows: rows, into: expected.pointer, on: ThreadPool(threads: 1))
        for threads in 2...5 {
            let y = FloatBuffer(count: rows * outputs)
            layer(x.pointer, rows: rows, into: y.pointer, on: ThreadPool(threads: threads))
            #expect(y.array == expected.array, "\(threads) threads")
        }
        let alone = FloatBuffer(count: outputs)
        layer(x.pointer + 77 * inputs, rows: 1, into: alone.pointer, on: ThreadPool(threads: 2))
        #expect(alone.array == Array(expected.array[(77 * outputs)..<(78 * outputs)]))
    }

    @Test(
        arguments: [
            (300, 40, nil, 3.0), (9, 2, nil, nil), (300, nil, 0, nil), (5, nil, -2, nil), (300, nil, nil, nil),
            (1, nil, nil, nil),
        ] as [(Int, Int?, Int?, Double?)], classes.flatMap { [($0, 20), ($0, 64)] })
    func attentionWithWindowsCapsAndCausality(
        form: (count: Int, window: Int?, causal: Int?, cap: Double?), kind: (kernels: KernelClass, width: Int)
    ) {
        let (count, window, causal, cap) = form
        let width = kind.width
        let (q, k, v) = (
            FloatBuffer(values(count * width, seed: 5)), FloatBuffer(values(count * width, seed: 6)),
            FloatBuffer(values(count * width, seed: 7))
        )
        let out = FloatBuffer(values(count * width, seed: 8))
        Attention(
            heads: 1, keyHeads: 1, headWidth: width, scale: 0.7, causalOffset: causal, softCap: cap.map { Float($0) },
            window: window, kernels: kind.kernels)(
                q: q.pointer, qStride: width, queries: count, k: k.pointer, kStride: width, v: v.pointer,
                vStride: width, keyCount: count, out: out.pointer, on: ThreadPool(threads: 2))
        var close = 0
        for query in 0..<count {
            let seen = (0..<count).filter { key in
                if let causal { return key <= query + causal }
                return abs(key - query) <= window ?? count
            }
            let weights = seen.map { key in
                var score = (0..<width).reduce(0.0) {
                    $0 + Double(q.pointer[query * width + $1]) * Double(k.pointer[key * width + $1])
                }
                score *= 0.7
                return exp(cap.map { $0 * tanh(score / $0) } ?? score)
            }
            let sum = weights.reduce(0, +)
            for column in 0..<width {
                let expected =
                    seen.isEmpty
                    ? 0 : zip(weights, seen).reduce(0.0) { $0 + $1.0 / sum * Double(v.pointer[$1.1 * width + column]) }
                if abs(expected - Double(out.pointer[query * width + column])) < 1e-5 { close += 1 }
            }
        }
        #expect(close == count * width)
    }
}
