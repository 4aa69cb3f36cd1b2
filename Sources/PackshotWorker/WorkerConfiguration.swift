package import PackshotJobs

/// A worker's settings.
package struct WorkerConfiguration: Sendable {
    /// This start of this process.
    package var id: WorkerID
    /// The ledger it works for, as its images say inside; nil for one without identity, in memory.
    package var ledger: LedgerID?
    package var host: String
    package var processID: Int32
    package var version: String
    package var rateCard: RateCard
    /// Absolute folder images are written below; nil for the one each batch was submitted with.
    package var outputRoot: String?
    /// False to store no images: rows then describe files that are not there. For measuring everything else.
    package var writesFiles = true
    /// How long a claim lasts without a heartbeat. A dead worker's jobs come back after at most this and a second.
    package var lease: Duration = .seconds(15)
    /// How long a running image may go on after SIGTERM before it is handed back.
    package var grace: Duration = .seconds(30)
    /// Stop by itself once its model has no unfinished jobs.
    package var drains = false
    /// A sampler that makes no step for this long is taken to hang; the process ends itself and the lease brings the job
    /// to another worker.
    package var stepTimeout: Duration = .seconds(900)
    /// How long before the sampler is free the next job is claimed.
    package var lookahead: Duration = .milliseconds(500)
    package var retryPolicy = RetryPolicy.standard

    package init(
        id: WorkerID, host: String, processID: Int32, version: String, rateCard: RateCard, outputRoot: String?
    ) {
        self.id = id
        self.host = host
        self.processID = processID
        self.version = version
        self.rateCard = rateCard
        self.outputRoot = outputRoot
    }
}

/// The stores a worker talks to. Heartbeats have connections of their own, so that a slow claim or commit cannot make
/// them late; so have settlements and chores, so that a claim waits for neither.
package struct WorkerStores: Sendable {
    /// The thread of ``ledger`` and of the queue's claims. The claiming task runs there, too: from an entry's arrival to its
    /// confirmation no other thread is woken.
    package let claimThread: any TaskExecutor
    /// For claims, one after the other.
    package let ledger: any JobLedger
    package let queue: any JobQueue
    package let settlementLedger: any JobLedger
    package let choreLedger: any JobLedger & BatchLedger
    package let heartbeatLedger: any JobLedger
    package let heartbeatQueue: any JobQueue
    package let embeddings: EmbeddingCache
    /// Makes all connections, or none: nothing is claimed before.
    package let connect: @Sendable () async throws -> Void

    package init(
        claimThread: any TaskExecutor, ledger: any JobLedger, queue: any JobQueue, settlementLedger: any JobLedger,
        choreLedger: any JobLedger & BatchLedger, heartbeatLedger: any JobLedger, heartbeatQueue: any JobQueue,
        embeddings: EmbeddingCache, connect: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.claimThread = claimThread
        self.ledger = ledger
        self.queue = queue
        self.settlementLedger = settlementLedger
        self.choreLedger = choreLedger
        self.heartbeatLedger = heartbeatLedger
        self.heartbeatQueue = heartbeatQueue
        self.embeddings = embeddings
        self.connect = connect
    }
}
