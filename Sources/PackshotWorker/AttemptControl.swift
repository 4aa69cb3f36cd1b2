internal import PackshotJobs
internal import Synchronization

/// How others stop an attempt that is being worked on, and see how far it is.
final class AttemptControl: Sendable {
    /// Why an attempt is to stop.
    enum StopReason: Sendable {
        /// A person cancelled the job.
        case cancelled
        /// The lease was lost: somebody else has the job now.
        case lost
        /// The worker is going away and its grace time is over.
        case shutdown
    }

    /// Thrown out of the sampler by ``checkpoint(step:of:)``.
    struct Stopped: Error {
        let reason: StopReason
    }

    private struct State {
        var stop: StopReason?
        var step = 0
        var steps = 1
        var lastProgress: ContinuousClock.Instant
    }

    let job: JobID
    let attempt: AttemptID
    /// Where the worker's time line stood when the ledger confirmed the claim.
    let claimedAt: Int64
    private let state = Mutex(State(lastProgress: ContinuousClock().now))

    init(job: JobID, attempt: AttemptID, claimedAt: Int64) {
        self.job = job
        self.attempt = attempt
        self.claimedAt = claimedAt
    }

    /// Asks the attempt to stop at its next checkpoint. The first reason stays.
    func stop(_ reason: StopReason) {
        state.withLock { if $0.stop == nil { $0.stop = reason } }
    }

    /// Records progress.
    /// - Throws: ``Stopped`` when somebody asked for it.
    func checkpoint(step: Int, of steps: Int) throws {
        try state.withLock { state in
            if step != state.step { state.lastProgress = ContinuousClock().now }
            state.step = step
            state.steps = steps
            if let reason = state.stop { throw Stopped(reason: reason) }
        }
    }

    /// Throws ``Stopped`` when somebody asked for it.
    func check() throws {
        if let reason = state.withLock({ $0.stop }) { throw Stopped(reason: reason) }
    }

    /// How far the attempt is.
    var progress: AttemptProgress {
        state.withLock { AttemptProgress(job: job, attempt: attempt, step: $0.step, steps: $0.steps) }
    }

    /// How long ago the step number last changed.
    var stalledFor: Duration {
        ContinuousClock().now - state.withLock { $0.lastProgress }
    }
}

/// The attempts a worker holds at this moment, one a job.
final class AttemptsInHand: Sendable {
    private struct State {
        var attempts: [JobID: (control: AttemptControl, delivery: Delivery)] = [:]
        var waiters: [(most: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func add(_ held: [HeldAttempt]) {
        state.withLock { state in
            for attempt in held { state.attempts[attempt.job.id] = (attempt.control, attempt.delivery) }
        }
    }

    func remove(_ jobs: [JobID]) {
        let served = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            for job in jobs { state.attempts.removeValue(forKey: job) }
            let count = state.attempts.count
            guard state.waiters.contains(where: { count <= $0.most }) else { return [] }
            let served = state.waiters.filter { count <= $0.most }
            state.waiters.removeAll { count <= $0.most }
            return served.map(\.continuation)
        }
        for continuation in served { continuation.resume() }
    }

    var all: [(control: AttemptControl, delivery: Delivery)] {
        state.withLock { Array($0.attempts.values) }
    }

    /// Those deliveries whose jobs are not in hand.
    func unknown(_ deliveries: [Delivery]) -> [Delivery] {
        state.withLock { state in deliveries.filter { state.attempts[$0.job] == nil } }
    }

    /// Returns once at most so many attempts are in hand.
    func waitUntil(atMost most: Int) async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                let isDone = state.attempts.count <= most
                if !isDone { state.waiters.append((most, continuation)) }
                return isDone
            }
            if isDone { continuation.resume() }
        }
    }
}
