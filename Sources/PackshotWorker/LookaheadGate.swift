internal import Synchronization

/// Says when the worker should claim its next job.
///
/// A job is claimed ahead so that its embedding is ready when the sampler is, but not much ahead: a claimed job that waits
/// behind a long one is kept from workers that are free. The gate is open while the sampler has nothing to do or has, by
/// the pace of its steps, at most `lookahead` to go; or more, where claiming takes longer because the servers are far away.
final class LookaheadGate: Sendable {
    private struct State {
        var isOpen = true
        var lookahead: Duration
        var waiters: [CheckedContinuation<Void, Never>] = []
        var started: ContinuousClock.Instant
        var lastDuration: Duration?
    }

    /// Longest time that a job is claimed ahead for slow servers: what takes longer is an outage.
    private static let longestLookahead = Duration.seconds(4)

    private let lookahead: Duration
    private let state: Mutex<State>

    init(lookahead: Duration) {
        self.lookahead = lookahead
        state = Mutex(State(lookahead: lookahead, started: ContinuousClock().now))
    }

    /// From delivery to being ready for the sampler a job took `duration`; the claim itself took about half as long again.
    func jobPrepared(in duration: Duration) {
        state.withLock { state in
            state.lookahead = max(lookahead, min(Self.longestLookahead, duration * 1.5), state.lookahead * 0.8)
        }
    }

    /// The sampler begins a job.
    func jobBegan() {
        state.withLock { state in
            state.started = ContinuousClock().now
            if let last = state.lastDuration, last <= state.lookahead { return }
            state.isOpen = false
        }
    }

    /// The sampler has done `step` of `steps`.
    func jobAdvanced(step: Int, of steps: Int) {
        guard step > 0 else { return }
        state.withLock { state in
            guard !state.isOpen else { return }
            let elapsed = ContinuousClock().now - state.started
            if elapsed * Double(steps - step) / Double(step) <= state.lookahead { open(&state) }
        }
    }

    /// The sampler is free.
    func jobEnded() {
        state.withLock { state in
            state.lastDuration = ContinuousClock().now - state.started
            open(&state)
        }
    }

    /// Opens for good, as when the worker stops.
    func openForGood() {
        state.withLock { open(&$0) }
    }

    /// Returns when the gate is open.
    func wait() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if state.isOpen { continuation.resume() } else { state.waiters.append(continuation) }
            }
        }
    }

    /// How many jobs to claim at once: as many as the sampler does in a quarter of a second, at least 1 and at most 256.
    var batchSize: Int {
        guard let last = state.withLock({ $0.lastDuration }) else { return 1 }
        let seconds = max(last / .seconds(1), 1e-6)
        return max(1, min(256, Int(0.25 / seconds)))
    }

    private func open(_ state: inout State) {
        state.isOpen = true
        for waiter in state.waiters { waiter.resume() }
        state.waiters = []
    }
}
