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

    private static let tile = 128

    /// An attention of these dimensions.
    public init(heads: Int, keyHeads: Int, headWidth: Int, scale: Float, causalOffset: Int? = nil) {
        self.heads = heads
        self.keyHeads = keyHeads
        self.headWidth = headWidth
        self.scale = scale
        self.causalOffset = causalOffset
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
                let seen = causalOffset.map { min(visible, max(0, first + row + 1 + $0)) } ?? visible
                Kernels.softmax(line, count: seen)
                if seen < visible { (line + seen).update(repeating: 0, count: visible - seen) }
            }
            BLAS.sgemm(
                transposeB: false, m: count, n: headWidth, k: visible, alpha: 1, a: scores, lda: visible, b: v,
                ldb: vStride, beta: 0, c: out, ldc: outStride)
        }
    }
}
