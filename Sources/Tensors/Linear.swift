internal import COpenBLAS

/// A linear layer, `y = x · Wᵀ + b`, over weights that stay mapped in their stored type.
///
/// The weight's rows are cut into tiles by the shapes alone. A tile is converted to 32-bit floats on the thread that
/// multiplies it, and every output element is computed by one single-threaded sgemm over the whole inner dimension: the
/// bytes do not depend on the number of threads.
public struct Linear: Sendable {
    /// Columns of the weight: features in.
    public let inputs: Int
    /// Rows of the weight: features out.
    public let outputs: Int
    private let weight: StoredTensor
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
        guard rows > 0, outputs > 0 else { return }
        let tile = Self.tileRows(outputs)
        let tiles = (outputs + tile - 1) / tile
        let x = Shared(x)
        let y = SharedMutable(y)
        let stride = inputStride ?? inputs
        let body: @Sendable (Int) -> Void = { index in
            let start = index * tile
            let count = min(tile, outputs - start)
            multiply(x.pointer, rows: rows, stride: stride, into: y.pointer, start: start, count: count)
        }
        // Waking threads costs more than a small product does.
        if rows * outputs * inputs < 1 << 19 {
            for index in 0..<tiles { body(index) }
        } else {
            pool.parallelFor(tiles, body)
        }
    }

    /// Rows of a tile: about 448 for large weights (each tile packs the whole input once, so few tiles are best), but never
    /// fewer than four tiles' worth of work, and an even number of tiles.
    static func tileRows(_ outputs: Int) -> Int {
        let pairs = max(1, (outputs + 448) / 896)
        let rows = (outputs + 2 * pairs - 1) / (2 * pairs)
        return max(16, (rows + 15) / 16 * 16)
    }

    private func multiply(
        _ x: UnsafePointer<Float>, rows: Int, stride: Int, into y: UnsafeMutablePointer<Float>, start: Int, count: Int
    ) {
        if let bias {
            for row in 0..<rows {
                (y + row * outputs + start).update(from: bias.pointer + start, count: count)
            }
        }
        let beta: Float = bias == nil ? 0 : 1
        let base = weight.bytes.baseAddress
        if weight.type == .float32, let base, Int(bitPattern: base) % 4 == 0 {
            let pointer = (base + start * inputs * 4).assumingMemoryBound(to: Float.self)
            sgemm(x, rows, stride, pointer, count, beta, y + start)
        } else {
            withUnsafeTemporaryAllocation(byteCount: count * inputs * 4, alignment: 64) { scratch in
                guard let scratch = scratch.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
                weight.copy(from: start * inputs, count: count * inputs, to: scratch)
                sgemm(x, rows, stride, scratch, count, beta, y + start)
            }
        }
    }

    private func sgemm(
        _ x: UnsafePointer<Float>, _ rows: Int, _ stride: Int, _ weights: UnsafePointer<Float>, _ count: Int,
        _ beta: Float, _ y: UnsafeMutablePointer<Float>
    ) {
        BLAS.sgemm(
            transposeB: true, m: rows, n: count, k: inputs, alpha: 1, a: x, lda: stride, b: weights, ldb: inputs,
            beta: beta, c: y, ldc: outputs)
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
