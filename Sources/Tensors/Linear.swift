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
    let kernels: KernelClass
    private let bias: FloatBuffer?

    /// - Parameters:
    ///   - weight: `[outputs, inputs]`, floating-point; further dimensions, if any, are 1.
    ///   - bias: `[outputs]`.
    ///   - kernels: What computes it.
    public init(weight: StoredTensor, bias: FloatBuffer? = nil, kernels: KernelClass = .current) {
        precondition(
            weight.shape.count >= 2 && weight.shape.dropFirst(2).allSatisfy { $0 == 1 }, "\(weight.name) is no matrix")
        precondition(bias == nil || bias?.count == weight.shape[0], "\(weight.name): the bias does not fit")
        self.weight = weight
        self.kernels = kernels
        outputs = weight.shape[0]
        inputs = weight.shape[1]
        self.bias = bias
    }

    /// Computes `y`.
    /// - Parameters:
    ///   - x: `[rows, inputs]`, row-major, `inputStride` floats from row to row (default: `inputs`).
    ///   - y: `[rows, outputs]`, row-major, `outputStride` floats from row to row (default: `outputs`), overwritten.
    ///   - finish: Called on the pool's threads for pieces of rows of `y` when they are there.
    public func callAsFunction(
        _ x: UnsafePointer<Float>, rows: Int, inputStride: Int? = nil, into y: UnsafeMutablePointer<Float>,
        outputStride: Int? = nil, on pool: ThreadPool, finish: (_ row: Int, _ columns: Range<Int>) -> Void = { _, _ in }
    ) {
        guard rows > 0 else { return }
        let together = kernels.panelRows
        let panels = (rows + together - 1) / together
        let stride = inputStride ?? inputs
        let layout = PackedRows.Layout(capacity: rows, width: inputs, kernels: kernels)
        pool.withScratch(count: layout.count) { packed in
            let (source, target) = (Shared(x), SharedMutable(packed))
            let pack: @Sendable (Int) -> Void = { panel in
                let first = panel * together
                let range = first..<min(rows, first + together)
                PackedRows.store(
                    source.pointer + first * stride, stride: stride, rows: range, columns: 0..<inputs, layout: layout,
                    into: target.pointer)
            }
            if rows * inputs < 1 << 16 {
                for panel in 0..<panels { pack(panel) }
            } else {
                pool.parallelFor(panels, pack)
            }
            BlockedProduct.run([self], packed, layout: layout, rows: rows, on: pool) { block in
                store(block, into: y, stride: outputStride ?? outputs)
                for row in block.rows { finish(row, block.columns) }
            }
        }
    }

    /// Computes `y` from rows that are packed already.
    /// - Parameters:
    ///   - x: Its width is `inputs`.
    ///   - y: `[rows, outputs]`, row-major, overwritten.
    public func callAsFunction(
        _ x: PackedRows, rows: Int, into y: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        Linear.product([self], x, rows: rows, on: pool) { store($0, into: y, stride: outputs) }
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

    private func store(_ block: ProductBlock, into y: UnsafeMutablePointer<Float>, stride: Int) {
        for row in block.rows {
            let source = block.values + (row - block.rows.lowerBound) * block.stride
            let target = y + row * stride + block.columns.lowerBound
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
