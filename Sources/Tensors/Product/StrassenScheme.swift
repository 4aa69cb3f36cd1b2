/// Strassen's algorithm as a table: which sums of blocks are multiplied, and where each product goes.
///
/// With every operand cut into `parts` blocks a side, `7^levels` products of blocks do the work of `8^levels`. Two levels are one
/// flat table, the Kronecker square of the first: no recursion, and each product is added where it belongs while it lies in a
/// cache (Strassen, "Gaussian Elimination is not Optimal", 1969; Huang, Smith, Henry and van de Geijn, "Strassen's Algorithm
/// Reloaded", 2016).
struct StrassenScheme: Sendable {
    /// One, two or four blocks of a matrix, each counted positively or negatively. Without references, because the innermost
    /// loops read it.
    struct BlockSum: Sendable {
        private(set) var count = 0
        private(set) var rows = SIMD4<Int>()
        private(set) var columns = SIMD4<Int>()
        /// 1 or -1; an operand's first is 1.
        private(set) var signs = SIMD4<Float>()

        mutating func append(row: Int, column: Int, sign: Float) {
            (rows[count], columns[count], signs[count]) = (row, column, sign)
            count += 1
        }
    }

    /// One product of sums of blocks.
    struct Product: Sendable {
        /// Blocks of the left operand.
        let left: BlockSum
        /// Blocks of the right one.
        let right: BlockSum
        /// Blocks of the result that it is added to.
        let result: BlockSum
    }

    /// Blocks of a side.
    let parts: Int
    let products: [Product]

    /// One level: 7 products instead of 8.
    private static let once = StrassenScheme(
        parts: 2,
        products: [
            Product(left: [(0, 0, 1), (1, 1, 1)], right: [(0, 0, 1), (1, 1, 1)], result: [(0, 0, 1), (1, 1, 1)]),
            Product(left: [(1, 0, 1), (1, 1, 1)], right: [(0, 0, 1)], result: [(1, 0, 1), (1, 1, -1)]),
            Product(left: [(0, 0, 1)], right: [(0, 1, 1), (1, 1, -1)], result: [(0, 1, 1), (1, 1, 1)]),
            Product(left: [(1, 1, 1)], right: [(1, 0, 1), (0, 0, -1)], result: [(0, 0, 1), (1, 0, 1)]),
            Product(left: [(0, 0, 1), (0, 1, 1)], right: [(1, 1, 1)], result: [(0, 0, -1), (0, 1, 1)]),
            Product(left: [(1, 0, 1), (0, 0, -1)], right: [(0, 0, 1), (0, 1, 1)], result: [(1, 1, 1)]),
            Product(left: [(0, 1, 1), (1, 1, -1)], right: [(1, 0, 1), (1, 1, 1)], result: [(0, 0, 1)]),
        ])

    /// Two levels: 49 products instead of 64.
    static let twice = once.nested(in: once)

    /// The scheme whose blocks are computed by this one.
    private func nested(in outer: StrassenScheme) -> StrassenScheme {
        func nest(_ outer: BlockSum, _ inner: BlockSum) -> BlockSum {
            var sum = BlockSum()
            for a in 0..<outer.count {
                for b in 0..<inner.count {
                    sum.append(
                        row: outer.rows[a] * parts + inner.rows[b],
                        column: outer.columns[a] * parts + inner.columns[b], sign: outer.signs[a] * inner.signs[b])
                }
            }
            return sum
        }
        return StrassenScheme(
            parts: outer.parts * parts,
            products: outer.products.flatMap { a in
                products.map {
                    Product(
                        left: nest(a.left, $0.left), right: nest(a.right, $0.right), result: nest(a.result, $0.result))
                }
            })
    }
}

extension StrassenScheme.BlockSum: ExpressibleByArrayLiteral {
    init(arrayLiteral blocks: (row: Int, column: Int, sign: Float)...) {
        for block in blocks { append(row: block.row, column: block.column, sign: block.sign) }
    }
}
