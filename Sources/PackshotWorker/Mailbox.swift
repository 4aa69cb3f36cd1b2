/// What one stage of a worker leaves for the next: many senders, one receiver, who takes all there is at once.
///
/// A receiver that is behind finds what came meanwhile in one piece, so a handover costs a thread's waking only when the
/// receiver has nothing to do: a lone job is passed on at once, a thousand quick ones in a few bunches.
package final class Mailbox<Letter: Sendable>: Sendable {
    private struct State {
        var letters: [Letter] = []
        var isClosed = false
    }

    private let state = Monitor(State())

    /// An open, empty mailbox.
    package init() {}

    /// Adds letters in order; after ``close()`` too.
    package func send(_ letters: [Letter]) {
        guard !letters.isEmpty else { return }
        state.change {
            if $0.letters.isEmpty { $0.letters = letters } else { $0.letters += letters }
        }
    }

    /// Says that nothing more will come.
    package func close() {
        state.change { $0.isClosed = true }
    }

    /// Everything that came since the last call, in order; waits for something to come.
    /// - Returns: Nothing once the mailbox is closed and empty, or the task is cancelled.
    package func takeAll() async -> [Letter] {
        await state.wait { !$0.letters.isEmpty || $0.isClosed }
        if Task.isCancelled { return [] }
        return state.change { state in
            defer { state.letters = [] }
            return state.letters
        }
    }
}
