internal import CKernels

/// The attention of some queries of one head, on the tile unit: all keys are seen, and scores are not capped.
///
/// As ``VectorAttention``, but scores lie as `[queries, keys]`, because that is how the tile unit leaves them and how it takes
/// weights.
struct TileAttention: AttentionBlock {
    /// Queries of a task, so that a stretch of keys that has come into the second-level cache serves them all.
    static let blockQueries = 128
    /// Queries that are multiplied together: two panels, for which the tile unit loads least.
    private static let group = 32
    private static let kernels = KernelClass.tiles
    /// Stands for a score that was not seen yet. Finite, so that differences are numbers.
    private static let hidden: Float = -1e38

    let attention: Attention
    let keys: TileKeys
    let head: Int
    let rows: Range<Int>

    /// Whether an attention can be computed this way.
    static func supports(_ attention: Attention) -> Bool {
        attention.causalOffset == nil && attention.window == nil && attention.softCap == nil
            && attention.headWidth % 32 == 0
    }

    /// Floats that ``compute(_:_:scratch:)`` works with: outputs, packed queries, maxima and sums of all rows; scores and packed
    /// weights of a group; one scaled query.
    static func scratchCount(headWidth: Int) -> Int {
        blockQueries * headWidth + blockQueries / 16 * kernels.rowPanelFloats(headWidth) + 2 * blockQueries
            + group * TileKeys.stretch + group / 16 * kernels.rowPanelFloats(TileKeys.stretch) + headWidth
    }

    func compute(
        _ q: UnsafePointer<Float>, _ stride: Int, scratch: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        let width = attention.headWidth
        let outputs = scratch
        let queries = outputs + Self.blockQueries * width
        let maxima = queries + Self.blockQueries / 16 * Self.kernels.rowPanelFloats(width)
        let sums = maxima + Self.blockQueries
        let scores = sums + Self.blockQueries
        let weights = scores + Self.group * TileKeys.stretch
        let query = weights + Self.group / 16 * Self.kernels.rowPanelFloats(TileKeys.stretch)
        pack(q, stride, into: queries, through: query)
        outputs.update(repeating: 0, count: Self.blockQueries * width)
        maxima.update(repeating: Self.hidden, count: Self.blockQueries)
        sums.update(repeating: 0, count: Self.blockQueries)
        let keyHead = head / (attention.heads / attention.keyHeads)
        for stretch in 0..<keys.layout.stretches {
            let count = keys.layout.keys(of: stretch).count
            for first in Swift.stride(from: 0, to: rows.count, by: Self.group) {
                let number = min(Self.group, rows.count - first)
                let panels = (number + 15) / 16
                Self.kernels.multiply(
                    width, planes: 3, queries + first / 16 * Self.kernels.rowPanelFloats(width), rowPanels: panels,
                    keys.keys(head: keyHead, stretch: stretch), columnPanels: (count + 15) / 16, into: scores,
                    stride: TileKeys.stretch, accumulates: false)
                packshot_tiles_weigh(
                    scores, TileKeys.stretch, number, count, maxima + first, sums + first, outputs + first * width,
                    width, UnsafeMutableRawPointer(weights).assumingMemoryBound(to: UInt16.self))
                Self.kernels.multiply(
                    count, planes: 3, weights, rowPanels: panels, keys.values(head: keyHead, stretch: stretch),
                    columnPanels: width / 16, into: outputs + first * width, stride: width, accumulates: true)
            }
        }
        for row in 0..<rows.count {
            let inverse = sums[row] > 0 ? 1 / sums[row] : 0
            for column in 0..<width { outputs[row * width + column] *= inverse }
        }
        return UnsafePointer(outputs)
    }

    private func pack(
        _ q: UnsafePointer<Float>, _ stride: Int, into queries: UnsafeMutablePointer<Float>,
        through query: UnsafeMutablePointer<Float>
    ) {
        let width = attention.headWidth
        for row in 0..<rows.count {
            let source = q + (rows.lowerBound + row) * stride
            for column in 0..<width { query[column] = source[column] * attention.scale }
            let panel = UnsafeMutableRawPointer(queries + row / 16 * Self.kernels.rowPanelFloats(width))
            packshot_tiles_split_row(
                query, 0, width, width, panel.assumingMemoryBound(to: UInt16.self) + row % 16 * 32)
        }
    }
}
