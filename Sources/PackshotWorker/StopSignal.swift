internal import Synchronization

/// Says once, to everything in a worker, that it is to stop taking work.
final class StopSignal: Sendable {
    private struct State {
        var isStopping = false
        var handlers: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Calls the handlers, the first time only.
    func stop() {
        let handlers = state.withLock { state in
            defer {
                state.isStopping = true
                state.handlers = []
            }
            return state.handlers
        }
        for handler in handlers { handler() }
    }

    /// Calls `handler` when the signal comes, or at once if it has.
    func onStop(_ handler: @escaping @Sendable () -> Void) {
        let isStopping = state.withLock { state in
            if !state.isStopping { state.handlers.append(handler) }
            return state.isStopping
        }
        if isStopping { handler() }
    }

    /// Sleeps, but not past the signal.
    func sleep(for duration: Duration) async {
        let deadline = ContinuousClock().now + duration
        // Short slices keep this free of continuations that must be resumed exactly once from two sides.
        while !isStopping {
            let left = deadline - ContinuousClock().now
            if left <= .zero { return }
            try? await Task.sleep(for: min(left, .milliseconds(200)))
        }
    }
}
