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
        var isSampling = false
        var mark = 0
        var spendingLimit: MicroDollars?
    }

    let job: JobID
    let attempt: AttemptID
    /// Where the worker's time line stood when the ledger confirmed the claim.
    let claimedAt: Int64
    private let state: Mutex<State>

    init(job: JobID, attempt: AttemptID, claimedAt: Int64, spendingLimit: MicroDollars? = nil) {
        state = Mutex(State(spendingLimit: spendingLimit))
        self.job = job
        self.attempt = attempt
        self.claimedAt = claimedAt
    }

    /// Asks the attempt to stop at its next checkpoint. The first reason stays.
    func stop(_ reason: StopReason) {
        state.withLock { if $0.stop == nil { $0.stop = reason } }
    }

    /// The sampler begins with the attempt.
    func samplingBegan() {
        state.withLock { $0.isSampling = true }
    }

    /// The sampler is done with the attempt, however it went.
    func samplingEnded() {
        state.withLock { $0.isSampling = false }
    }

    /// Records progress.
    /// - Throws: ``Stopped`` when somebody asked for it.
    func checkpoint(step: Int, of steps: Int) throws {
        try state.withLock { state in
            if step != state.step { state.mark += 1 }
            state.step = step
            state.steps = steps
            if let reason = state.stop { throw Stopped(reason: reason) }
        }
    }

    /// Why the attempt is to stop; nil when it is not.
    var stopReason: StopReason? { state.withLock { $0.stop } }

    /// Throws ``Stopped`` when somebody asked for it.
    func check() throws {
        if let reason = state.withLock({ $0.stop }) { throw Stopped(reason: reason) }
    }

    /// What is set aside of its batch's budget for it; nil for any amount.
    var spendingLimit: MicroDollars? { state.withLock(\.spendingLimit) }

    /// More is set aside for it now.
    func allow(_ limit: MicroDollars) {
        state.withLock { $0.spendingLimit = limit }
    }

    /// How far the attempt is.
    var progress: AttemptProgress {
        state.withLock { AttemptProgress(job: job, attempt: attempt, step: $0.step, steps: $0.steps) }
    }

    /// Another number whenever the step number has changed; nil while the attempt is not in the sampler.
    var samplingMark: Int? {
        state.withLock { $0.isSampling ? $0.mark : nil }
    }
}
