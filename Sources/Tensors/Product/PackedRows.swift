/// Rows of activations as ``Linear`` multiplies them: panels of six rows, the six elements of a column side by side.
///
/// Kernels that make activations write here directly, so that a product does not have to rearrange them first.
/// `@unchecked Sendable`: the owner hands it to one computation at a time; tiles of a parallel one write disjoint rows or
/// columns.
public final class PackedRows: @unchecked Sendable {
    /// Rows that are stored together.
    public static let panelRows = PanelKernel.rows
    /// Most rows it can hold.
    public let capacity: Int
    /// Floats of a row.
    public let width: Int
    let pointer: UnsafeMutablePointer<Float>
    private let buffer: FloatBuffer

    /// Room for `capacity` rows of zeros.
    public init(capacity: Int, width: Int) {
        self.capacity = capacity
        self.width = width
        buffer = FloatBuffer(count: Layout(capacity: capacity, width: width).count)
        pointer = buffer.pointer
    }

    /// Stores rows given row by row, `stride` floats apart; rows that share a panel belong to one call, or to one thread.
    public func store(_ source: UnsafePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>) {
        precondition(rows.upperBound <= capacity && columns.upperBound <= width, "more than there is room for")
        Self.store(source, stride: stride, rows: rows, columns: columns, layout: layout, into: pointer)
    }

    var layout: Layout { Layout(capacity: capacity, width: width) }

    /// Where an element lies: the inner dimension is cut into steps as the product takes them, and a step's panels lie
    /// one behind the other, so that the product reads straight on.
    struct Layout {
        private let paddedRows: Int
        private let width: Int

        init(capacity: Int, width: Int) {
            paddedRows = (capacity + PanelKernel.rows - 1) / PanelKernel.rows * PanelKernel.rows
            self.width = width
        }

        /// Floats of everything.
        var count: Int { paddedRows * width }

        /// The panel of a row, a multiple of six, in the step that begins at a column.
        func panel(row: Int, step: Int) -> Int {
            step * paddedRows + row * min(BlockedProduct.innerBlock, width - step)
        }
    }

    static func store(
        _ source: UnsafePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>, layout: Layout,
        into pointer: UnsafeMutablePointer<Float>
    ) {
        let six = PanelKernel.rows
        var row = rows.lowerBound
        while row < rows.upperBound {
            let first = row / six * six
            let count = min(rows.upperBound, first + six) - row
            var column = columns.lowerBound
            while column < columns.upperBound {
                let step = column / BlockedProduct.innerBlock * BlockedProduct.innerBlock
                let end = min(columns.upperBound, step + BlockedProduct.innerBlock)
                let from = source + (row - rows.lowerBound) * stride + column - columns.lowerBound
                let to = pointer + layout.panel(row: first, step: step) + (column - step) * six
                interleave(from, stride: stride, rows: count, count: end - column, into: to + row - first)
                column = end
            }
            row += count
        }
    }

    /// Elements of up to six rows side by side.
    @inline(__always)
    static func interleave(
        _ from: UnsafePointer<Float>, stride: Int, rows: Int, count: Int, into to: UnsafeMutablePointer<Float>
    ) {
        guard rows == PanelKernel.rows else {
            for row in 0..<rows {
                for index in 0..<count { to[index * PanelKernel.rows + row] = from[row * stride + index] }
            }
            return
        }
        for index in 0..<count {
            let target = to + index * 6
            target[0] = from[index]
            target[1] = from[index + stride]
            target[2] = from[index + 2 * stride]
            target[3] = from[index + 3 * stride]
            target[4] = from[index + 4 * stride]
            target[5] = from[index + 5 * stride]
        }
    }
}
