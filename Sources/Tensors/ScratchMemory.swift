internal import Synchronization

/// Memory that computations borrow, so that nothing is taken from the system, zeroed and touched anew for every layer.
final class ScratchMemory: Sendable {
    private let free = Mutex<[FloatBuffer]>([])

    /// Lends memory for `count` floats of undefined contents for the length of the call. Any number of threads may ask.
    func lend(count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        let piece = take(count)
        body(piece.pointer)
        free.withLock { $0.append(piece) }
    }

    private func take(_ count: Int) -> FloatBuffer {
        let piece: FloatBuffer? = free.withLock { pieces in
            var best: Int?
            for index in pieces.indices where pieces[index].count >= count {
                if best.map({ pieces[$0].count > pieces[index].count }) ?? true { best = index }
            }
            if let best { return pieces.remove(at: best) }
            // A piece that was too small makes way for its successor, so that memory follows what is needed at one time.
            if let smallest = pieces.indices.min(by: { pieces[$0].count < pieces[$1].count }) {
                pieces.remove(at: smallest)
            }
            return nil
        }
        return piece ?? FloatBuffer(count: count)
    }
}
