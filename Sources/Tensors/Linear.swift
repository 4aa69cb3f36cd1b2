/// A linear layer, `y = x · Wᵀ + b`, over weights that stay mapped in their stored type.
///
/// Every output element is a sum in one fixed order: the bytes do not depend on the number of threads, nor on which other
/// rows are computed with it.
public struct Linear: Sendable {
    /// Columns of the weight: features in.
    public let inputs: Int
    /// Rows of the weight: features out.
    public let outputs: Int
    let weight: StoredTensor
    private let bias: FloatBuffer?

    /// - Parameters:
    ///   - weight: `[outputs, inputs]`, floating-point.
    ///   - bias: `[outputs]`, floating-point.
    public init(weight: StoredTensor, bias: StoredTensor? = nil) {
        precondition(weight.shape.count == 2, "\(weight.name) is no matrix")
        precondition(bias == nil || bias?.shape == [weight.shape[0]], "\(weight.name): the bias does not fit")
        self.weight = weight
        outputs = weight.shape[0]
        inputs = weight.shape[1]
        self.bias = bias?.floats()
    }

    /// Computes `y`.
    /// - Parameters:
    ///   - x: `[rows, inputs]`, row-major, `inputStride` floats from row to row (default: `inputs`).
    ///   - y: `[rows, outputs]`, row-major, overwritten.
    public func callAsFunction(
        _ x: UnsafePointer<Float>, rows: Int, inputStride: Int? = nil, into y: UnsafeMutablePointer<Float>,
        on pool: ThreadPool
    ) {
        guard rows > 0 else { return }
        let panels = (rows + PackedRows.panelRows - 1) / PackedRows.panelRows
        let stride = inputStride ?? inputs
        let layout = PackedRows.Layout(capacity: rows, width: inputs)
        pool.withScratch(count: layout.count) { packed in
            let (source, target) = (Shared(x), SharedMutable(packed))
            let pack: @Sendable (Int) -> Void = { panel in
                let first = panel * PackedRows.panelRows
                let count = min(PackedRows.panelRows, rows - first)
                PackedRows.store(
                    source.pointer + first * stride, stride: stride, rows: first..<(first + count), columns: 0..<inputs,
                    layout: layout, into: target.pointer)
            }
            if rows * inputs < 1 << 16 {
                for panel in 0..<panels { pack(panel) }
            } else {
                pool.parallelFor(panels, pack)
            }
            BlockedProduct.run([self], packed, layout: layout, rows: rows, on: pool) { store($0, into: y) }
        }
    }

    /// Computes `y` from rows that are packed already.
    /// - Parameters:
    ///   - x: Its width is `inputs`.
    ///   - y: `[rows, outputs]`, row-major, overwritten.
    public func callAsFunction(
        _ x: PackedRows, rows: Int, into y: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        Linear.product([self], x, rows: rows, on: pool) { store($0, into: y) }
    }

    /// Computes `x · Wᵀ` without bias for one layer or several of the same shape, and hands over finished blocks.
    /// - Parameters:
    ///   - rows: Rows of `x` to compute.
    ///   - columnsTogether: Blocks begin and end at multiples of this many columns, or at the end.
    ///   - finish: Called on the pool's threads, at the same time for different columns, for blocks that together are the
    ///     whole result.
    public static func product(
        _ layers: [Linear], _ x: PackedRows, rows: Int, columnsTogether: Int = 1, on pool: ThreadPool,
        finish: (ProductBlock) -> Void
    ) {
        precondition(x.width == layers[0].inputs && rows <= x.capacity, "rows of another shape than the layer takes")
        BlockedProduct.run(
            layers, x.pointer, layout: x.layout, rows: rows, columnsTogether: columnsTogether, on: pool, finish: finish)
    }

    private func store(_ block: ProductBlock, into y: UnsafeMutablePointer<Float>) {
        for row in block.rows {
            let source = block.values + (row - block.rows.lowerBound) * block.stride
            let target = y + row * outputs + block.columns.lowerBound
            if let bias {
                let added = bias.pointer + block.columns.lowerBound
                for column in 0..<block.columns.count { target[column] = source[column] + added[column] }
            } else {
                target.update(from: source, count: block.columns.count)
            }
        }
    }
}

/// A pointer that tiles on several threads read. The caller keeps the memory alive for the length of the call.
struct Shared: @unchecked Sendable {
    let pointer: UnsafePointer<Float>
    init(_ pointer: UnsafePointer<Float>) { self.pointer = pointer }
}

/// A pointer whose disjoint parts tiles on several threads write. The caller keeps the memory alive for the call.
struct SharedMutable: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Float>
    init(_ pointer: UnsafeMutablePointer<Float>) { self.pointer = pointer }
}
