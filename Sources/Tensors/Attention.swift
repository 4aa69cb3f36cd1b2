/// Scaled dot-product attention without the matrix of all scores in memory: a tile of queries of one head at a time.
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

    private static let tile = 128

    /// An attention of these dimensions.
    public init(
        heads: Int, keyHeads: Int, headWidth: Int, scale: Float, causalOffset: Int? = nil, softCap: Float? = nil,
        window: Int? = nil
    ) {
        precondition(causalOffset == nil || window == nil, "an attention is causal or has a window, not both")
        self.heads = heads
        self.keyHeads = keyHeads
        self.headWidth = headWidth
        self.scale = scale
        self.causalOffset = causalOffset
        self.softCap = softCap
        self.window = window
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
        let (q, k, v, out) = (Shared(q), Shared(k), Shared(v), SharedMutable(out))
        let tilesPerHead = (queries + Self.tile - 1) / Self.tile
        let body: @Sendable (Int) -> Void = { index in
            let head = index / tilesPerHead
            let start = index % tilesPerHead * Self.tile
            let count = min(Self.tile, queries - start)
            let keyOffset = head / (heads / keyHeads) * headWidth
            attend(
                q: q.pointer + start * qStride + head * headWidth, qStride: qStride, first: start, count: count,
                k: k.pointer + keyOffset, kStride: kStride, v: v.pointer + keyOffset, vStride: vStride,
                keyCount: keyCount, out: out.pointer + start * heads * headWidth + head * headWidth)
        }
        if queries * keyCount * heads * headWidth < 1 << 18 {
            for index in 0..<(heads * tilesPerHead) { body(index) }
        } else {
            pool.parallelFor(heads * tilesPerHead, body)
        }
    }

    private func attend(
        q: UnsafePointer<Float>, qStride: Int, first: Int, count: Int, k: UnsafePointer<Float>, kStride: Int,
        v: UnsafePointer<Float>, vStride: Int, keyCount: Int, out: UnsafeMutablePointer<Float>
    ) {
        let outStride = heads * headWidth
        let visible = causalOffset.map { min(keyCount, max(0, first + count + $0)) } ?? keyCount
        guard visible > 0 else {
            for row in 0..<count { (out + row * outStride).update(repeating: 0, count: headWidth) }
            return
        }
        withUnsafeTemporaryAllocation(byteCount: count * visible * 4, alignment: 64) { raw in
            guard let scores = raw.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
            BLAS.sgemm(
                transposeB: true, m: count, n: visible, k: headWidth, alpha: scale, a: q, lda: qStride, b: k,
                ldb: kStride, beta: 0, c: scores, ldc: visible)
            for row in 0..<count {
                let line = scores + row * visible
                if let softCap { Kernels.softCap(line, cap: softCap, count: visible) }
                let seen = seenKeys(by: first + row, of: visible)
                Kernels.softmax(line + seen.lowerBound, count: seen.count)
                line.update(repeating: 0, count: seen.lowerBound)
                (line + seen.upperBound).update(repeating: 0, count: visible - seen.upperBound)
            }
            BLAS.sgemm(
                transposeB: false, m: count, n: headWidth, k: visible, alpha: 1, a: scores, lda: visible, b: v,
                ldb: vStride, beta: 0, c: out, ldc: outStride)
        }
    }

    /// The keys a query sees, of the first `visible`.
    private func seenKeys(by query: Int, of visible: Int) -> Range<Int> {
        if let causalOffset { return 0..<min(visible, max(0, query + 1 + causalOffset)) }
        guard let window else { return 0..<visible }
        return min(visible, max(0, query - window))..<min(visible, query + window + 1)
    }
}
