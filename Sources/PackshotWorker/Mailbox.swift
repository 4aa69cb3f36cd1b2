internal import Synchronization

/// What one stage of a worker leaves for the next: many senders, one receiver, who takes all there is at once.
///
/// A receiver that is behind finds what came meanwhile in one piece, so a handover costs a thread's waking only when the
/// receiver has nothing to do: a lone job is passed on at once, a thousand quick ones in a few bunches.
package final class Mailbox<Letter: Sendable>: Sendable {
    private struct State {
        var letters: [Letter] = []
        var isClosed = false
        var receiver: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// An open, empty mailbox.
    package init() {}

    /// Adds letters in order; after ``close()`` too.
    package func send(_ letters: [Letter]) {
        guard !letters.isEmpty else { return }
        wake {
            if $0.letters.isEmpty { $0.letters = letters } else { $0.letters += letters }
        }
    }

    /// Says that nothing more will come.
    package func close() {
        wake { $0.isClosed = true }
    }

    /// Everything that came since the last call, in order; waits for something to come.
    /// - Returns: Nothing once the mailbox is closed and empty.
    package func takeAll() async -> [Letter] {
        while true {
            let letters = state.withLock { state -> [Letter]? in
                guard !state.letters.isEmpty || state.isClosed else { return nil }
                defer { state.letters = [] }
                return state.letters
            }
            if let letters { return letters }
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    let isDue = !state.letters.isEmpty || state.isClosed
                    if !isDue { state.receiver = continuation }
                    return isDue
                }
                if isDue { continuation.resume() }
            }
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        let receiver = state.withLock { state -> CheckedContinuation<Void, Never>? in
            change(&state)
            defer { state.receiver = nil }
            return state.receiver
        }
        receiver?.resume()
    }
}
