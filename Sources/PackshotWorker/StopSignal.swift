/// Says once, to everything in a worker, that it is to stop taking work.
final class StopSignal: Sendable {
    private struct State {
        var isStopping = false
        var handlers: [@Sendable () -> Void] = []
    }

    private let state = Monitor(State())

    var isStopping: Bool { state.read(\.isStopping) }

    /// Calls the handlers, the first time only.
    func stop() {
        let handlers = state.change { state in
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
        let isStopping = state.change { state in
            if !state.isStopping { state.handlers.append(handler) }
            return state.isStopping
        }
        if isStopping { handler() }
    }

    /// Returns when the signal comes, or when the task is cancelled.
    func wait() async {
        await state.wait(until: \.isStopping)
    }

    /// Sleeps, but not past the signal.
    func sleep(for duration: Duration, by clock: any WorkerClock) async {
        await withTaskGroup { group in
            group.addTask { try? await clock.sleep(for: duration) }
            group.addTask { await self.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
