/// Says when the worker should claim its next jobs.
///
/// A job is claimed ahead so that its embedding is ready when the sampler is, but not much ahead: a claimed job that waits
/// behind a long one is kept from workers that are free. The gate is open while the sampler has nothing to do or has, by
/// the pace of its steps, at most `lookahead` to go (or more, where claiming takes longer because the servers are far away), and
/// while of the jobs claimed before at most half a group has not begun: none where jobs are claimed one by one.
package final class LookaheadGate: Sendable {
    private struct State {
        var isForGood = false
        var isNearTheEnd = true
        /// Jobs claimed and not begun.
        var waiting = 0
        var lookahead: Duration
        /// When the job began that is in the sampler.
        var started: Duration
        var lastDuration: Duration?

        var groupSize: Int {
            guard let lastDuration else { return 1 }
            return max(1, min(256, Int(0.1 / max(lastDuration / .seconds(1), 1e-6))))
        }
        var isOpen: Bool { isForGood || (isNearTheEnd && waiting <= groupSize / 2) }
    }

    /// Longest time that a job is claimed ahead for slow servers: what takes longer is an outage.
    private static let longestLookahead = Duration.seconds(4)

    private let lookahead: Duration
    private let clock: any WorkerClock
    private let state: Monitor<State>

    package init(lookahead: Duration, clock: any WorkerClock) {
        self.lookahead = lookahead
        self.clock = clock
        state = Monitor(State(lookahead: lookahead, started: clock.now))
    }

    /// From delivery to being ready for the sampler a job took `duration`; the claim itself took about half as long again.
    func jobPrepared(in duration: Duration) {
        state.change { state in
            state.lookahead = max(lookahead, min(Self.longestLookahead, duration * 1.5), state.lookahead * 0.8)
        }
    }

    /// So many jobs are held now and go to the sampler, or to ``jobDropped()``.
    package func jobsClaimed(_ count: Int) {
        state.change { $0.waiting += count }
    }

    /// A claimed job will not be begun.
    package func jobDropped() {
        state.change { $0.waiting -= 1 }
    }

    /// The sampler begins a job.
    package func jobBegan() {
        let now = clock.now
        state.change { state in
            state.waiting -= 1
            state.started = now
            state.isNearTheEnd = state.lastDuration.map { $0 <= state.lookahead } ?? false
        }
    }

    /// The sampler has done `step` of `steps`.
    package func jobAdvanced(step: Int, of steps: Int) {
        guard step > 0 else { return }
        let now = clock.now
        state.change { state in
            guard !state.isNearTheEnd else { return }
            let elapsed = now - state.started
            state.isNearTheEnd = elapsed * Double(steps - step) / Double(step) <= state.lookahead
        }
    }

    /// The sampler is free.
    /// - Parameter isMade: Whether there is an image. How soon a job was given up says nothing of how long images take: a
    ///   worker that went by it took a hundred jobs of others after the first that was cancelled.
    package func jobEnded(isMade: Bool) {
        let now = clock.now
        state.change { state in
            if isMade { state.lastDuration = now - state.started }
            state.isNearTheEnd = true
        }
    }

    /// Opens for good, as when the worker stops.
    package func openForGood() {
        state.change { $0.isForGood = true }
    }

    /// True while the worker should claim.
    package var isOpen: Bool { state.read(\.isOpen) }

    /// Returns when the gate is open, or when the task is cancelled.
    package func wait() async {
        await state.wait(until: \.isOpen)
    }

    /// How many jobs to claim at once: as many as the sampler does in a tenth of a second, at least 1 and at most
    /// 256: more than the ledger needs to be hardly noticed, and no more to come back when the worker is killed.
    package var groupSize: Int { state.read(\.groupSize) }
}
