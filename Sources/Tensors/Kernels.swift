/// The row kernels of transformers: norms, gates, rotary embeddings. All work in place or into a given buffer, allocate
/// nothing, and compute each row alone, in a fixed order.
public enum Kernels {
    /// `y = (1 + scale) · LN(x) + shift`, LN without affine parameters.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`. `y` may be `x`.
    ///   - shift: `[width]`; `scale` too.
    public static func layerNormModulate(
        _ x: UnsafePointer<Float>, rows: Int, width: Int, shift: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        epsilon: Float, into y: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<rows {
            let source = x + row * width
            let target = y + row * width
            var sum = SIMD8<Float>()
            inEights(width) {
                sum += .load(source + $0)
            } part: {
                sum += .load(source + $0, count: $1)
            }
            let mean = sum.total / Float(width)
            let means = SIMD8<Float>(repeating: mean)
            var squares = SIMD8<Float>()
            inEights(width) { index in
                let difference = SIMD8<Float>.load(source + index) - means
                squares = difference.fusedMultiplyAdd(difference, squares)
            } part: { index, count in
                var difference = SIMD8<Float>.load(source + index, count: count) - means
                for lane in count..<8 { difference[lane] = 0 }
                squares = difference.fusedMultiplyAdd(difference, squares)
            }
            let inverse = SIMD8<Float>(repeating: 1 / (squares.total / Float(width) + epsilon).squareRoot())
            inEights(width) { index in
                let normal = (SIMD8<Float>.load(source + index) - means) * inverse
                normal.fusedMultiplyAdd(SIMD8.load(scale + index) + 1, SIMD8.load(shift + index)).store(target + index)
            } part: { index, count in
                let normal = (SIMD8<Float>.load(source + index, count: count) - means) * inverse
                normal.fusedMultiplyAdd(
                    SIMD8.load(scale + index, count: count) + 1, SIMD8.load(shift + index, count: count)
                ).store(target + index, count: count)
            }
        }
    }

    /// `y = x / sqrt(mean(x²) + epsilon) · weight`, row by row.
    ///
    /// - Parameters:
    ///   - x: `rows` rows of `width` floats, `stride` from row to row. `y` may be `x`, with the same stride.
    ///   - weight: `[width]`.
    public static func rmsNorm(
        _ x: UnsafePointer<Float>, rows: Int, width: Int, stride: Int, weight: UnsafePointer<Float>, epsilon: Float,
        into y: UnsafeMutablePointer<Float>
    ) {
        for row in 0..<rows {
            let source = x + row * stride
            let target = y + row * stride
            let inverse = inverseRootMeanSquare(source, width: width, epsilon: epsilon)
            inEights(width) { index in
                (SIMD8<Float>.load(source + index) * inverse * .load(weight + index)).store(target + index)
            } part: { index, count in
                (SIMD8<Float>.load(source + index, count: count) * inverse * .load(weight + index, count: count))
                    .store(target + index, count: count)
            }
        }
    }

    /// `1 / sqrt(mean(x²) + epsilon)` of `width` floats, in every lane.
    @inline(__always)
    static func inverseRootMeanSquare(_ x: UnsafePointer<Float>, width: Int, epsilon: Float) -> SIMD8<Float> {
        var squares = SIMD8<Float>()
        inEights(width) { index in
            let value = SIMD8<Float>.load(x + index)
            squares = value.fusedMultiplyAdd(value, squares)
        } part: { index, count in
            let value = SIMD8<Float>.load(x + index, count: count)
            squares = value.fusedMultiplyAdd(value, squares)
        }
        return SIMD8<Float>(repeating: 1 / (squares.total / Float(width) + epsilon).squareRoot())
    }

    /// `x += gate · y`, the gate the same for every row.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`, `y` too; `gate`: `[width]`, or nil for 1.
    public static func addGated(
        _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, gate: UnsafePointer<Float>?, rows: Int, width: Int
    ) {
        let one = SIMD8<Float>(repeating: 1)
        for row in 0..<rows {
            let target = x + row * width
            let source = y + row * width
            inEights(width) { index in
                let factor = gate.map { SIMD8<Float>.load($0 + index) } ?? one
                SIMD8<Float>.load(source + index).fusedMultiplyAdd(factor, .load(target + index)).store(target + index)
            } part: { index, count in
                let factor = gate.map { SIMD8<Float>.load($0 + index, count: count) } ?? one
                SIMD8<Float>.load(source + index, count: count)
                    .fusedMultiplyAdd(factor, .load(target + index, count: count)).store(target + index, count: count)
            }
        }
    }

    /// `gate = gelu(gate) · up`, elementwise, GELU by its tanh approximation.
    public static func geluGate(_ gate: UnsafeMutablePointer<Float>, _ up: UnsafePointer<Float>, count: Int) {
        inEights(count) { index in
            (SIMD8.geluTanh(.load(gate + index)) * .load(up + index)).store(gate + index)
        } part: { index, rest in
            (SIMD8.geluTanh(.load(gate + index, count: rest)) * .load(up + index, count: rest))
                .store(gate + index, count: rest)
        }
    }

    /// `gate = silu(gate) · up`, elementwise; without `up`, `gate = silu(gate)`.
    public static func siluGate(_ gate: UnsafeMutablePointer<Float>, _ up: UnsafePointer<Float>?, count: Int) {
        let one = SIMD8<Float>(repeating: 1)
        inEights(count) { index in
            let factor = up.map { SIMD8<Float>.load($0 + index) } ?? one
            (SIMD8.silu(.load(gate + index)) * factor).store(gate + index)
        } part: { index, rest in
            let factor = up.map { SIMD8<Float>.load($0 + index, count: rest) } ?? one
            (SIMD8.silu(.load(gate + index, count: rest)) * factor).store(gate + index, count: rest)
        }
    }

    /// Rotates pairs `(x[j], x[j + width/2])` by the angle whose cosine and sine are `table[2j]`, `table[2j+1]`.
    public static func rotateHalves(_ x: UnsafeMutablePointer<Float>, table: UnsafePointer<Float>, width: Int) {
        let half = width / 2
        for index in 0..<half {
            let (a, b) = (x[index], x[index + half])
            let (cosine, sine) = (table[2 * index], table[2 * index + 1])
            x[index] = cosine * a - sine * b
            x[index + half] = sine * a + cosine * b
        }
    }

    /// Turns a row of scores into weights: `e^(x - max) / Σ e^(x - max)`. A row without elements stays as it is.
    public static func softmax(_ x: UnsafeMutablePointer<Float>, count: Int) {
        guard count > 0 else { return }
        var highest = SIMD8<Float>(repeating: -.infinity)
        inEights(count) {
            highest = highest.larger(.load(x + $0))
        } part: { index, rest in
            for lane in 0..<rest { highest[lane] = max(highest[lane], x[index + lane]) }
        }
        let peak = SIMD8<Float>(repeating: highest.max())
        var sum = SIMD8<Float>()
        inEights(count) { index in
            let value = SIMD8.exponential(.load(x + index) - peak)
            value.store(x + index)
            sum += value
        } part: { index, rest in
            var value = SIMD8.exponential(.load(x + index, count: rest) - peak)
            for lane in rest..<8 { value[lane] = 0 }
            value.store(x + index, count: rest)
            sum += value
        }
        let inverse = SIMD8<Float>(repeating: 1 / sum.total)
        inEights(count) { index in
            (SIMD8<Float>.load(x + index) * inverse).store(x + index)
        } part: { index, rest in
            (SIMD8<Float>.load(x + index, count: rest) * inverse).store(x + index, count: rest)
        }
    }

    /// `x = cap · tanh(x / cap)`, elementwise, by `tanh(u) = 1 - 2 / (e^(2u) + 1)`.
    public static func softCap(_ x: UnsafeMutablePointer<Float>, cap: Float, count: Int) {
        let caps = SIMD8<Float>(repeating: cap)
        let doubled = SIMD8<Float>(repeating: 2 / cap)
        let (one, two) = (SIMD8<Float>(repeating: 1), SIMD8<Float>(repeating: 2))
        inEights(count) { index in
            let power = SIMD8.exponential(SIMD8<Float>.load(x + index) * doubled)
            (caps * (one - two / (power + one))).store(x + index)
        } part: { index, rest in
            let power = SIMD8.exponential(SIMD8<Float>.load(x + index, count: rest) * doubled)
            (caps * (one - two / (power + one))).store(x + index, count: rest)
        }
    }
}
