package import Foundation

/// A product as the catalog described it.
package struct ProductRecord: Hashable, Sendable {
    package let sku: String
    package let title: String
    /// The catalog's other columns, by name.
    package let attributes: [String: String]

    package init(sku: String, title: String, attributes: [String: String]) {
        self.sku = sku
        self.title = title
        self.attributes = attributes
    }
}

/// One image to make, as planned and not yet in the ledger.
package struct PlannedJob: Hashable, Sendable {
    package let product: ProductRecord
    /// Name of the shot, and the number of the variant from 0.
    package let shot: String
    package let variant: Int
    package var spec: GenerationSpec
    /// Where the image goes below the batch's output root: sanitised parts, never absolute, no `..`.
    package let relativePath: String
    /// 0 (first) to 9 (last); 4 is usual.
    package var priority: Int
    /// Not before this moment; nil for at once.
    package var scheduledAt: Date?

    package init(
        product: ProductRecord, shot: String, variant: Int, spec: GenerationSpec, relativePath: String,
        priority: Int = 4, scheduledAt: Date? = nil
    ) {
        self.product = product
        self.shot = shot
        self.variant = variant
        self.spec = spec
        self.relativePath = relativePath
        self.priority = priority
        self.scheduledAt = scheduledAt
    }
}

/// The weights a batch is made with, as the ledger keeps them.
package struct ModelRecord: Hashable, Sendable {
    package let fingerprint: ModelFingerprint
    /// Folder name, for people, and the folder's absolute path.
    package let name: String
    package let path: String
    /// Upstream pipeline class, such as `PRXPixelPipeline`.
    package let pipelineClass: String
    package let parameterCount: Int64
    package let byteCount: Int64

    package init(
        fingerprint: ModelFingerprint, name: String, path: String, pipelineClass: String, parameterCount: Int64,
        byteCount: Int64
    ) {
        self.fingerprint = fingerprint
        self.name = name
        self.path = path
        self.pipelineClass = pipelineClass
        self.parameterCount = parameterCount
        self.byteCount = byteCount
    }
}

/// A batch as it is submitted. Name and output root identify it: submitting under the same pair adds to the batch.
///
/// A batch is of one model, and what its jobs are made with follows from that alone. What is nil is left as it is, or, in a new
/// batch, as usual. What is not nil is applied to a batch that is there already, or refused: see ``BatchLedger/submit(_:chunks:)``.
package struct NewBatch: Hashable, Sendable {
    /// Sanitised: it is a folder below `outputRoot`.
    package let name: String
    /// Absolute path of the folder images go to.
    package let outputRoot: String
    /// Path of the catalog file as given, and the SHA-256 of its bytes (32).
    package let sourcePath: String
    package let sourceSHA256: [UInt8]
    package let model: ModelRecord
    /// Attempts each job is allowed, at least 1; usually ``usualAttempts``.
    package let maxAttempts: Int?
    /// What its attempts may cost in all; usually any amount.
    package let budget: MicroDollars?
    /// Whose batches take turns as one; usually each takes turns of its own.
    package let tenant: String?
    /// Its turns for each one of a batch of weight 1, ``QueueShare/weights``; usually 1.
    package let weight: Int?

    /// Attempts of a job of a batch that was not told otherwise.
    package static let usualAttempts = 3

    package init(
        name: String, outputRoot: String, sourcePath: String, sourceSHA256: [UInt8], model: ModelRecord,
        maxAttempts: Int? = nil, budget: MicroDollars? = nil, tenant: String? = nil, weight: Int? = nil
    ) {
        self.name = name
        self.outputRoot = outputRoot
        self.sourcePath = sourcePath
        self.sourceSHA256 = sourceSHA256
        self.model = model
        self.maxAttempts = maxAttempts
        self.budget = budget
        self.tenant = tenant
        self.weight = weight
    }
}

extension PlannedJob {
    /// The job's identity in a batch's folder, with its model: ``GenerationSpec/uniqueKey(model:outputRoot:sku:shot:variant:)``.
    package func uniqueKey(in batch: NewBatch) -> [UInt8] {
        spec.uniqueKey(
            model: batch.model.fingerprint, outputRoot: batch.outputRoot, sku: product.sku, shot: shot, variant: variant
        )
    }
}

/// What a submission came to.
package struct Submission: Hashable, Sendable {
    package let batch: BatchID
    /// Jobs handed in.
    package let submitted: Int
    /// Jobs that were new.
    package let created: Int
    /// Jobs the ledger already had, in this batch or another: by batch, and as they were found. In the order of batches and states.
    package let known: [KnownJobs]

    /// Jobs the ledger already had, by unique key, in this batch or another.
    package var existing: Int { submitted - created }

    /// Jobs that were cancelled or discarded and are waiting again, because they were asked for again. The queue does not have
    /// them yet: it is owed them, see ``JobLedger/owedJobs(model:after:grace:limit:)``.
    package var revived: Int { known.reduce(0) { $0 + ($1.isRevived ? $1.count : 0) } }

    package init(batch: BatchID, submitted: Int, created: Int, known: [KnownJobs] = []) {
        self.batch = batch
        self.submitted = submitted
        self.created = created
        self.known = known
    }
}

/// Jobs of a submission that the ledger had already, all in one batch and one state.
package struct KnownJobs: Hashable, Sendable {
    /// The batch they are in, and where its images lie: below `outputRoot`, as the jobs' relative paths say.
    package let batch: BatchID
    package let batchName: String
    package let outputRoot: String
    /// As they were found.
    package let state: JobState
    package let count: Int

    /// They had been given up; the submission made them available again, in their own batch and with all their attempts.
    package var isRevived: Bool { state == .cancelled || state == .discarded }

    package init(batch: BatchID, batchName: String, outputRoot: String, state: JobState, count: Int) {
        self.batch = batch
        self.batchName = batchName
        self.outputRoot = outputRoot
        self.state = state
        self.count = count
    }
}

/// Jobs the queue should hold: what Redis needs to know, and nothing more.
package struct DispatchEntry: Hashable, Sendable {
    /// The job, or the first of several whose numbers follow each other.
    package let job: JobID
    /// How many jobs it is, at least 1.
    package let count: Int
    package let lane: QueueLane
    package let share: QueueShare
    /// Not to be delivered before this moment; nil for at once.
    package let notBefore: Date?

    package init(job: JobID, count: Int = 1, lane: QueueLane, share: QueueShare = .common, notBefore: Date?) {
        precondition(count > 0, "an entry of no jobs")
        self.job = job
        self.count = count
        self.lane = lane
        self.share = share
        self.notBefore = notBefore
    }

    /// Its last job.
    package var last: JobID { JobID(rawValue: job.rawValue + Int64(count - 1)) }

    /// Its jobs, in order.
    package var jobs: some RandomAccessCollection<JobID> {
        (job.rawValue...last.rawValue).lazy.map(JobID.init(rawValue:))
    }
}
