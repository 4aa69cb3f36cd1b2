internal import CKernels

/// Rows of activations as ``Linear`` multiplies them.
///
/// With vectors: panels of six rows, the six elements of a column side by side. With tiles: panels of sixteen rows in steps of 32
/// columns, each element split into three bfloat16 (see ``KernelClass``). Kernels that make activations write here directly, so
/// that a product does not have to rearrange them first.
/// `@unchecked Sendable`: the owner hands it to one computation at a time; tiles of a parallel one write disjoint rows or
/// columns.
public final class PackedRows: @unchecked Sendable {
    /// Most rows it can hold.
    public let capacity: Int
    /// Floats of a row.
    public let width: Int
    let layout: Layout
    let pointer: UnsafeMutablePointer<Float>
    private let buffer: FloatBuffer

    /// Room for `capacity` rows of zeros.
    /// - Parameters:
    ///   - precision: How much of each element products see.
    ///   - kernels: The class of the layers that multiply them.
    ///   - allowsStrassen: Whether products of many rows may save a quarter of the operations by Strassen's algorithm, where that
    ///     is faster. An element's rounding then depends on which rows are computed together.
    public init(
        capacity: Int, width: Int, precision: ActivationPrecision = .exact, kernels: KernelClass = .current,
        allowsStrassen: Bool = false
    ) {
        self.capacity = capacity
        self.width = width
        layout = Layout(
            capacity: capacity, width: width, precision: precision, kernels: kernels,
            strassen: allowsStrassen ? StrassenPlan(rows: capacity, inner: width, kernels: kernels) : nil)
        buffer = FloatBuffer(count: layout.count)
        pointer = buffer.pointer
    }

    /// Rows that are stored together.
    public var panelRows: Int { layout.kernels.panelRows }

    /// Stores rows given row by row, `stride` floats apart. Calls for different rows or columns may run at the same time.
    public func store(_ source: UnsafePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>) {
        precondition(rows.upperBound <= capacity && columns.upperBound <= width, "more than there is room for")
        Self.store(source, stride: stride, rows: rows, columns: columns, layout: layout, into: pointer)
    }

    /// Where an element lies: the inner dimension is cut into steps as the product takes them, and a step's panels lie
    /// one behind the other, so that the product reads straight on.
    struct Layout {
        let kernels: KernelClass
        let precision: ActivationPrecision
        let width: Int
        /// How products are cut, where they are computed by Strassen's algorithm.
        let strassen: StrassenPlan?
        /// Elements of the inner dimension that lie together.
        let step: Int
        private let panels: Int

        init(
            capacity: Int, width: Int, precision: ActivationPrecision = .exact, kernels: KernelClass,
            strassen: StrassenPlan? = nil
        ) {
            self.kernels = kernels
            self.strassen = strassen
            step = strassen?.step ?? kernels.innerBlock
            self.precision = precision
            panels = (capacity + kernels.panelRows - 1) / kernels.panelRows
            self.width = width
        }

        /// Floats of everything.
        var count: Int {
            let whole = width / step * step
            return panels * (kernels.rowPanelFloats(whole) + kernels.rowPanelFloats(width - whole))
        }

        /// The panel of a row, a multiple of the panel's rows, in the step that begins at a column.
        func panel(row: Int, step start: Int) -> Int {
            let length = min(step, width - start)
            return panels * kernels.rowPanelFloats(start) + row / kernels.panelRows * kernels.rowPanelFloats(length)
        }
    }

    static func store(
        _ source: UnsafePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>, layout: Layout,
        into pointer: UnsafeMutablePointer<Float>
    ) {
        let together = layout.kernels.panelRows
        let length = layout.step
        var row = rows.lowerBound
        while row < rows.upperBound {
            let first = row / together * together
            let count = min(rows.upperBound, first + together) - row
            var column = columns.lowerBound
            while column < columns.upperBound {
                let step = column / length * length
                let end = min(columns.upperBound, step + length)
                let from = source + (row - rows.lowerBound) * stride + column - columns.lowerBound
                let panel = pointer + layout.panel(row: first, step: step)
                switch layout.kernels {
                case .vectors:
                    let target = panel + (column - step) * together + row - first
                    interleave(from, stride: stride, rows: count, count: end - column, into: target)
                    guard layout.precision != .exact else { break }
                    for index in 0..<(end - column) {
                        for place in 0..<count {
                            target[index * together + place] =
                                layout.precision.rounded(target[index * together + place])
                        }
                    }
                case .tiles:
                    let place = UnsafeMutableRawPointer(panel).assumingMemoryBound(to: UInt16.self)
                    // Whoever writes the last column fills up its step.
                    let behind = end == layout.width ? (end - step + 31) / 32 * 32 : end - step
                    for index in 0..<count {
                        packshot_tiles_split_row(
                            from + index * stride, column - step, end - column, behind,
                            place + (row - first + index) * 32)
                    }
                }
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
