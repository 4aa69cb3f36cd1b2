internal import CKernels

/// The additions of ``StrassenProduct``. Each has one order, the same for all.
enum BlockSums {
    private typealias Lanes = SIMD8<Float>

    /// Adds up blocks of 32-bit floats.
    /// - Parameters:
    ///   - count: Elements of a block, a multiple of 8.
    ///   - block: Where a block begins.
    static func add(
        _ sum: StrassenScheme.BlockSum, count: Int, into target: UnsafeMutablePointer<Float>,
        block: (_ row: Int, _ column: Int) -> UnsafePointer<Float>
    ) {
        add(sum, count: count, into: target, block: block) { Lanes.load($0) }
    }

    /// Adds up blocks of bfloat16.
    static func addHalves(
        _ sum: StrassenScheme.BlockSum, count: Int, into target: UnsafeMutablePointer<Float>,
        block: (_ row: Int, _ column: Int) -> UnsafePointer<UInt16>
    ) {
        add(sum, count: count, into: target, block: block) { packshot_widen_bfloat16($0) }
    }

    @inline(__always)
    private static func add<Element>(
        _ sum: StrassenScheme.BlockSum, count: Int, into target: UnsafeMutablePointer<Float>,
        block: (_ row: Int, _ column: Int) -> UnsafePointer<Element>, load: (UnsafePointer<Element>) -> Lanes
    ) {
        let a = block(sum.rows[0], sum.columns[0])
        guard sum.count > 1 else {
            for index in stride(from: 0, to: count, by: 8) { load(a + index).store(target + index) }
            return
        }
        let (b, signOfB) = (block(sum.rows[1], sum.columns[1]), Lanes(repeating: sum.signs[1]))
        guard sum.count > 2 else {
            for index in stride(from: 0, to: count, by: 8) {
                load(b + index).fusedMultiplyAdd(signOfB, load(a + index)).store(target + index)
            }
            return
        }
        let (c, signOfC) = (block(sum.rows[2], sum.columns[2]), Lanes(repeating: sum.signs[2]))
        let (d, signOfD) = (block(sum.rows[3], sum.columns[3]), Lanes(repeating: sum.signs[3]))
        for index in stride(from: 0, to: count, by: 8) {
            let first = load(b + index).fusedMultiplyAdd(signOfB, load(a + index))
            let second = load(d + index).fusedMultiplyAdd(signOfD, load(c + index) * signOfC)
            (first + second).store(target + index)
        }
    }

    /// Adds a product to the blocks of the result it belongs to.
    /// - Parameters:
    ///   - product: `[rows, width]`, width a multiple of 8.
    ///   - block: Where a block of the result begins, `stride` floats from row to row.
    static func distribute(
        _ product: UnsafePointer<Float>, rows: Int, width: Int, to sum: StrassenScheme.BlockSum, stride: Int,
        block: (_ row: Int, _ column: Int) -> UnsafeMutablePointer<Float>
    ) {
        for index in 0..<sum.count {
            let target = block(sum.rows[index], sum.columns[index])
            let sign = Lanes(repeating: sum.signs[index])
            for row in 0..<rows {
                let (from, to) = (product + row * width, target + row * stride)
                var column = 0
                while column < width {
                    Lanes.load(from + column).fusedMultiplyAdd(sign, .load(to + column)).store(to + column)
                    column += 8
                }
            }
        }
    }
}
