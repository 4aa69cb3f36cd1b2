internal import Foundation
internal import Synchronization

/// Runs a producer on a thread of its own, some pieces ahead of who consumes them, so that the two take the time of the slower
/// one and not of both.
enum ReadAhead {
    /// - Parameters:
    ///   - depth: Pieces that may lie ready.
    ///   - producer: Gives pieces, nil after the last; called on another thread, one call at a time, and not any more once
    ///     this function has returned.
    ///   - consumer: Called once, with a function that gives the next piece, nil after the last, or throws what the producer
    ///     threw.
    static func run<Piece: Sendable, Value>(
        depth: Int, producer: () throws -> Piece?, consumer: (() throws -> Piece?) throws -> Value
    ) rethrows -> Value {
        try withoutActuallyEscaping(producer) { producer in
            let pieces = Pieces(depth: depth, producer: producer)
            let thread = Thread { pieces.fill() }
            thread.name = "packshot.read-ahead"
            thread.start()
            defer { pieces.stop() }
            return try consumer { try pieces.next() }
        }
    }

    /// A bounded queue between two threads.
    ///
    /// `@unchecked`: only the thread that fills it touches the producer, and lets go of it before ``stop()`` returns.
    private final class Pieces<Piece: Sendable>: @unchecked Sendable {
        private struct State {
            var ready: [Result<Piece?, any Error>] = []
            var isStopped = false
        }

        private let state = Mutex(State())
        private var producer: (() throws -> Piece?)?
        // Semaphores end the process when they are freed with less than they began with, so they begin with nothing.
        private let room = DispatchSemaphore(value: 0)
        private let filled = DispatchSemaphore(value: 0)
        private let ended = DispatchSemaphore(value: 0)

        init(depth: Int, producer: @escaping () throws -> Piece?) {
            self.producer = producer
            for _ in 0..<depth { room.signal() }
        }

        /// The producer's side: returns when there is nothing more, or nobody wants it.
        func fill() {
            var isLast = false
            while !isLast {
                room.wait()
                if state.withLock({ $0.isStopped }) { break }
                let piece = Result { try producer?() }
                isLast = if case .success(.some) = piece { false } else { true }
                state.withLock { $0.ready.append(piece) }
                filled.signal()
            }
            producer = nil
            ended.signal()
        }

        /// The consumer's side. Not to be called again after nil or an error.
        func next() throws -> Piece? {
            filled.wait()
            let piece = state.withLock { $0.ready.removeFirst() }
            room.signal()
            return try piece.get()
        }

        /// Lets the producer finish its piece and waits until it has.
        func stop() {
            state.withLock { $0.isStopped = true }
            room.signal()
            ended.wait()
        }
    }
}
