/// A job that the ledger has given to a worker.
package struct ClaimedJob: Hashable, Sendable {
    package let id: JobID
    package let batch: BatchID
    package let batchName: String
    /// Fencing token of this attempt.
    package let attempt: AttemptID
    /// Counts from 1; attempts that were handed back do not count.
    package let attemptNumber: Int
    package let maxAttempts: Int
    package let sku: String
    package let title: String
    package let shot: String
    package let variant: Int
    package let model: ModelFingerprint
    package let spec: GenerationSpec
    /// Absolute folder, and the image's place below it.
    package let outputRoot: String
    package let relativePath: String

    /// What this attempt may cost; it is to stop before it costs more. nil for any amount.
    package let spendingLimit: MicroDollars?
    /// Whose turn it takes when it is given back.
    package let share: QueueShare

    package init(
        id: JobID, batch: BatchID, batchName: String, attempt: AttemptID, attemptNumber: Int, maxAttempts: Int,
        sku: String, title: String, shot: String, variant: Int, model: ModelFingerprint, spec: GenerationSpec,
        outputRoot: String, relativePath: String, spendingLimit: MicroDollars? = nil, share: QueueShare = .common
    ) {
        self.id = id
        self.batch = batch
        self.batchName = batchName
        self.attempt = attempt
        self.attemptNumber = attemptNumber
        self.maxAttempts = maxAttempts
        self.sku = sku
        self.title = title
        self.shot = shot
        self.variant = variant
        self.model = model
        self.spec = spec
        self.outputRoot = outputRoot
        self.relativePath = relativePath
        self.spendingLimit = spendingLimit
        self.share = share
    }
}
