internal import Synchronization
internal import Tensors

/// The threads of one encoding or decoding, and memory that its layers use one after the other.
///
/// Transformed filters and the tiles' scratch memory are made anew in every layer. Taken from the system each time, they would
/// cost a tenth of the time of a decoding in page faults.
final class Workspace: Sendable {
    /// 128 MiB.
    static let standardLargeMap = 1 << 25

    let pool: ThreadPool
    /// Maps of this many floats and more are not kept beside their successors.
    let largeMap: Int
    private let pieces = Mutex<[FeatureStorage]>([])

    init(pool: ThreadPool, largeMap: Int = standardLargeMap) {
        self.pool = pool
        self.largeMap = largeMap
    }

    /// Memory for `count` floats of undefined contents, for as long as the result is held: the smallest piece that nobody
    /// holds, or a new one.
    func storage(count: Int) -> FeatureStorage {
        pieces.withLock { pieces in
            var best: Int?
            for index in pieces.indices where isKnownUniquelyReferenced(&pieces[index]) {
                if pieces[index].count >= count, best.map({ pieces[$0].count > pieces[index].count }) ?? true {
                    best = index
                }
            }
            if let best { return pieces[best] }
            // What is free is too small for the layers to come, which only grow.
            pieces = pieces.indices.compactMap { isKnownUniquelyReferenced(&pieces[$0]) ? nil : pieces[$0] }
            let piece = FeatureStorage(count: count)
            pieces.append(piece)
            return piece
        }
    }

    /// Lends memory for `count` floats for the length of the call.
    func withScratch(count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        let piece = storage(count: count)
        withExtendedLifetime(piece) { body(piece.pointer) }
    }
}

/// The smallest multiple of `step` that is not below `value`.
func roundedUp(_ value: Int, to step: Int) -> Int { (value + step - 1) / step * step }
