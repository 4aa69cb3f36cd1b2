/// What a worker says about itself when it starts.
package struct WorkerRegistration: Hashable, Sendable {
    package let id: WorkerID
    package let host: String
    package let processID: Int32
    package let version: String
    /// CPU threads the sampler uses.
    package let threads: Int
    /// The kernels that compute, such as OpenBLAS's core name: same class, same bytes.
    package let kernelClass: String
    /// The one model this worker serves.
    package let model: ModelRecord
    package let rateCard: RateCard
    /// Absolute folder it writes images below; nil for the one of each batch.
    package var outputRoot: String?

    package init(
        id: WorkerID, host: String, processID: Int32, version: String, threads: Int, kernelClass: String,
        model: ModelRecord, rateCard: RateCard
    ) {
        self.id = id
        self.host = host
        self.processID = processID
        self.version = version
        self.threads = threads
        self.kernelClass = kernelClass
        self.model = model
        self.rateCard = rateCard
    }
}

/// How far a running attempt is.
package struct AttemptProgress: Hashable, Sendable {
    package let job: JobID
    package let attempt: AttemptID
    /// Denoising steps done, and in all.
    package let step: Int
    package let steps: Int

    package init(job: JobID, attempt: AttemptID, step: Int, steps: Int) {
        self.job = job
        self.attempt = attempt
        self.step = step
        self.steps = steps
    }
}

/// What the ledger answers to a heartbeat.
package struct HeartbeatReply: Hashable, Sendable {
    /// Attempts this worker may no longer finish: taken over, or cancelled by a person. It should stop working on them.
    package let lost: Set<AttemptID>
    package let cancelled: Set<AttemptID>
    /// A person asked this worker to drain.
    package let shouldDrain: Bool

    package init(lost: Set<AttemptID>, cancelled: Set<AttemptID>, shouldDrain: Bool) {
        self.lost = lost
        self.cancelled = cancelled
        self.shouldDrain = shouldDrain
    }
}
