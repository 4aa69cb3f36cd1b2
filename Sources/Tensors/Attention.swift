/// Scaled dot-product attention without the matrix of all scores in memory: some queries of one head at a time go over the
/// keys in stretches, with a running maximum and sum for the softmax.
///
/// On vectors the scores of a stretch are computed as `[keys, 16 queries]`: the softmax then runs along vectors of queries without
/// crossing lanes, and its result is, as it lies, the right operand of the product with the values. Only that stretch, 16 kB,
/// is ever written. On the tile unit they are `[32 queries, keys]`. The method is that of Dao et al., "FlashAttention" (2022), with Milakov's and Gimelshein's online
/// softmax (2018). An output's bytes depend on its query, its head and the keys alone.
public struct Attention: Sendable {
    /// Query heads.
    public let heads: Int
    /// Key and value heads; `heads` is a multiple of it. Key head `j` serves query heads `j·g ..< (j+1)·g`.
    public let keyHeads: Int
    /// Width of a head.
    public let headWidth: Int
    /// What scores are multiplied with.
    public let scale: Float
    /// Query `i` sees keys `0...i + causalOffset` only; nil for all keys.
    public let causalOffset: Int?
    /// Scores become `cap · tanh(score / cap)` before the softmax; nil leaves them.
    public let softCap: Float?
    /// Query `i` sees keys `i - window ... i + window` only; nil for all keys. Not together with `causalOffset`.
    public let window: Int?
    private let kernels: KernelClass

    /// An attention of these dimensions.
    /// - Parameter kernels: What computes it; the tile unit only where all keys are seen and heads are a multiple of 32 wide.
    public init(
        heads: Int, keyHeads: Int, headWidth: Int, scale: Float, causalOffset: Int? = nil, softCap: Float? = nil,
        window: Int? = nil, kernels: KernelClass = .current
    ) {
        precondition(causalOffset == nil || window == nil, "an attention is causal or has a window, not both")
        self.heads = heads
        self.keyHeads = keyHeads
        self.headWidth = headWidth
        self.scale = scale
        self.causalOffset = causalOffset
        self.softCap = softCap
        self.window = window
        self.kernels = kernels
    }

    /// Computes the attention of `queries` queries over `keyCount` keys; masked keys are simply not among them.
    ///
    /// - Parameters:
    ///   - q: Token-major, head `h` of token `i` at `q + i * qStride + h * headWidth`.
    ///   - k: Likewise with `keyHeads`; `v` too.
    ///   - out: Token-major, `[queries, heads * headWidth]`. A query that sees no key gets zeros.
    public func callAsFunction(
        q: UnsafePointer<Float>, qStride: Int, queries: Int, k: UnsafePointer<Float>, kStride: Int,
        v: UnsafePointer<Float>, vStride: Int, keyCount: Int, out: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let width = headWidth
        let outStride = heads * width
        callAsFunction(
            q: q, qStride: qStride, queries: queries, k: k, kStride: kStride, v: v, vStride: vStride,
            keyCount: keyCount, on: pool
        ) { values, head, rows in
            for row in rows {
                (out + row * outStride + head * width).update(
                    from: values + (row - rows.lowerBound) * width, count: width)
            }
        }
    }

    /// The same, with outputs handed over while they lie in the caches.
    /// - Parameter finish: Called on the pool's threads, at the same time for different outputs, with `[rows, headWidth]`
    ///   of a head.
    public func callAsFunction(
        q: UnsafePointer<Float>, qStride: Int, queries: Int, k: UnsafePointer<Float>, kStride: Int,
        v: UnsafePointer<Float>, vStride: Int, keyCount: Int, on pool: ThreadPool,
        finish: (_ values: UnsafePointer<Float>, _ head: Int, _ rows: Range<Int>) -> Void
    ) {
        guard queries > 0 else { return }
        func run<Block: AttentionBlock>(_ block: Block.Type, on kernels: KernelClass) {
            let layout = PackedKeysLayout(
                of: Block.Keys.self, heads: keyHeads, headWidth: headWidth, keyCount: keyCount)
            let blocks = (queries + Block.blockQueries - 1) / Block.blockQueries
            let (q, k, v) = (Shared(q), Shared(k), Shared(v))
            pool.withScratch(count: layout.count) { memory in
                let packed = Block.Keys(layout: layout, memory: memory)
                withoutActuallyEscaping(finish) { finish in
                    // The blocks are finished before this returns, and share nothing but what the caller vouches for.
                    nonisolated(unsafe) let finish = finish
                    let pack: @Sendable (Int) -> Void = { packed.fill($0, k.pointer, kStride, v.pointer, vStride) }
                    let attend: @Sendable (Int) -> Void = { index in
                        let head = index / blocks
                        let first = index % blocks * Block.blockQueries
                        let rows = first..<min(queries, first + Block.blockQueries)
                        pool.withScratch(count: Block.scratchCount(headWidth: headWidth)) { scratch in
                            kernels.prepared {
                                let block = Block(attention: self, keys: packed, head: head, rows: rows)
                                finish(
                                    block.compute(q.pointer + head * headWidth, qStride, scratch: scratch), head, rows)
                            }
                        }
                    }
                    // Waking threads costs more than a small attention does.
                    if queries * keyCount * heads * headWidth < 1 << 18 {
                        for index in 0..<layout.tasks { pack(index) }
                        for index in 0..<(heads * blocks) { attend(index) }
                    } else {
                        pool.parallelFor(layout.tasks, pack)
                        pool.parallelFor(heads * blocks, attend)
                    }
                }
            }
        }
        if kernels == .tiles && TileAttention.supports(self) {
            run(TileAttention.self, on: .tiles)
        } else {
            run(VectorAttention.self, on: .vectors)
        }
    }
}
