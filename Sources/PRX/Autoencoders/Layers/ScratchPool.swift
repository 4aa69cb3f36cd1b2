internal import Synchronization

/// Scratch memory for the tiles of one computation: as many pieces as tiles run at once, each used again and again.
final class ScratchPool: Sendable {
    private let count: Int
    private let free = Mutex<[FeatureStorage]>([])

    /// Pieces of `count` floats.
    init(count: Int) { self.count = count }

    /// Lends a piece of undefined contents for the length of the call.
    func withScratch(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        let piece = free.withLock { $0.popLast() } ?? FeatureStorage(count: count)
        body(piece.pointer)
        free.withLock { $0.append(piece) }
    }
}

/// The smallest multiple of `step` that is not below `value`.
func roundedUp(_ value: Int, to step: Int) -> Int { (value + step - 1) / step * step }
