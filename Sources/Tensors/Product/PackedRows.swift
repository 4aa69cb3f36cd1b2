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
        let panels = (capacity + PanelKernel.rows - 1) / PanelKernel.rows
        buffer = FloatBuffer(count: panels * PanelKernel.rows * width)
        pointer = buffer.pointer
    }

    /// Stores rows given row by row, `stride` floats apart; rows that share a panel belong to one call, or to one thread.
    public func store(_ source: UnsafePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>) {
        Self.store(source, stride: stride, rows: rows, columns: columns, width: width, into: pointer)
    }

    static func store(
        _ source: UnsafePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>, width: Int,
        into pointer: UnsafeMutablePointer<Float>
    ) {
        precondition(columns.upperBound <= width, "columns beyond the row's end")
        let six = PanelKernel.rows
        var row = rows.lowerBound
        while row < rows.upperBound {
            let from = source + (row - rows.lowerBound) * stride
            let to = pointer + row / six * six * width + columns.lowerBound * six + row % six
            if row % six == 0, row + six <= rows.upperBound {
                interleave(from, stride, columns.count, to)
                row += six
            } else {
                for index in 0..<columns.count { to[index * six] = from[index] }
                row += 1
            }
        }
    }

    /// Six rows into one panel.
    @inline(__always)
    private static func interleave(
        _ from: UnsafePointer<Float>, _ stride: Int, _ count: Int, _ to: UnsafeMutablePointer<Float>
    ) {
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
