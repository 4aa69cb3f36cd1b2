internal import Tensors

/// Lets a step reuse what all blocks but the first added in an earlier step, while the first block says that little changed.
///
/// First-block caching (ParaAttention's First Block Cache, 2024; the threshold as in diffusers' `FirstBlockCacheConfig`): the
/// first block is always computed, and what it adds to the tokens is compared with what it added in the last step that was
/// computed in full. Off by default: it changes the image. Sums are made row by row, so that threads do not change them.
final class StepCache {
    /// Relative mean absolute change of the first block's addition up to which a step is reused.
    private let threshold: Double
    private let hidden: Int
    private let pool: ThreadPool
    /// The tokens before the first block, the same for every text: `[L, D]`.
    private let embedded: FloatBuffer
    /// What the first block added in the last full step: `[R, D]`.
    private let first: FloatBuffer
    /// What the other blocks added in the last full step: `[R, D]`.
    private let rest: FloatBuffer
    private let changes: FloatBuffer
    private let sizes: FloatBuffer
    /// Rows of the last full step; 0 before there is one.
    private var rows = 0

    /// - Parameters:
    ///   - imageTokens: Tokens of one text's image.
    ///   - capacity: Rows of all texts' images together.
    init(threshold: Double, imageTokens: Int, capacity: Int, hidden: Int, pool: ThreadPool) {
        self.threshold = threshold
        self.hidden = hidden
        self.pool = pool
        embedded = FloatBuffer(count: imageTokens * hidden)
        first = FloatBuffer(count: capacity * hidden)
        rest = FloatBuffer(count: capacity * hidden)
        changes = FloatBuffer(count: capacity)
        sizes = FloatBuffer(count: capacity)
    }

    /// Forgets what it holds: the next step is computed in full.
    func clear() {
        rows = 0
    }

    /// Keeps the tokens as they are before the first block.
    func keepEmbedded(_ tokens: FloatBuffer) {
        embedded.pointer.update(from: tokens.pointer, count: embedded.count)
    }

    /// Called behind the first block.
    /// - Returns: True when the other blocks' work was reused, and `tokens` are what they would be behind the last block.
    func reuse(_ tokens: FloatBuffer, rows count: Int) -> Bool {
        let isComparable = rows == count
        let imageTokens = embedded.count / hidden
        pool.forEach(count) { [hidden, embedded, first, changes, sizes] row in
            let new = tokens.pointer + row * hidden
            let before = embedded.pointer + row % imageTokens * hidden
            let old = first.pointer + row * hidden
            var change: Float = 0
            var size: Float = 0
            for column in 0..<hidden {
                let added = new[column] - before[column]
                change += abs(added - old[column])
                size += abs(old[column])
            }
            changes.pointer[row] = change
            sizes.pointer[row] = size
        }
        guard isComparable, sum(changes, count) <= threshold * sum(sizes, count) else {
            pool.forEach(count) { [hidden, embedded, first, rest] row in
                let new = tokens.pointer + row * hidden
                let before = embedded.pointer + row % imageTokens * hidden
                for column in 0..<hidden { first.pointer[row * hidden + column] = new[column] - before[column] }
                // To be subtracted once the last block is through.
                (rest.pointer + row * hidden).update(from: new, count: hidden)
            }
            rows = count
            return false
        }
        pool.forEach(count) { [hidden, rest] row in
            let new = tokens.pointer + row * hidden
            for column in 0..<hidden { new[column] += rest.pointer[row * hidden + column] }
        }
        return true
    }

    /// Called behind the last block of a step that was computed in full.
    func keepRest(_ tokens: FloatBuffer) {
        pool.forEach(rows) { [hidden, rest] row in
            let held = rest.pointer + row * hidden
            for column in 0..<hidden { held[column] = tokens.pointer[row * hidden + column] - held[column] }
        }
    }

    private func sum(_ values: FloatBuffer, _ count: Int) -> Double {
        (0..<count).reduce(0) { $0 + Double(values.pointer[$1]) }
    }
}
