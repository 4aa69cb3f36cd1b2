/// One stream of the queue: the jobs of one model at one priority.
package struct QueueLane: Hashable, Sendable {
    package let model: ModelFingerprint
    /// 0 (first) to 9 (last).
    package let priority: Int

    package init(model: ModelFingerprint, priority: Int) {
        self.model = model
        self.priority = priority
    }
}

/// A job id as the queue handed it out. A hint: only the ledger's confirmation makes it a claim.
package struct Delivery: Hashable, Sendable {
    package let job: JobID
    package let lane: QueueLane
    /// The queue's own number of this entry, needed to acknowledge it.
    package let entry: String

    package init(job: JobID, lane: QueueLane, entry: String) {
        self.job = job
        self.lane = lane
        self.entry = entry
    }
}

/// How full the queue is.
package struct QueueDepth: Hashable, Sendable {
    /// Waiting to be delivered, delivered and not acknowledged, and delayed.
    package var ready: Int
    package var pending: Int
    package var delayed: Int

    package init(ready: Int, pending: Int, delayed: Int) {
        self.ready = ready
        self.pending = pending
        self.delayed = delayed
    }
}

/// Delivery of job ids to workers. It owns nothing: everything in it can be rebuilt from the ledger, it may deliver an id
/// twice or forget it, and it may be wiped at any moment.
///
/// Every method throws ``StoreError``: `.unreachable` when the server cannot be talked to (the connection is made anew on
/// the next call).
package protocol JobQueue: Sendable {
    /// Adds entries, in order, in few round trips. Adding a job that is there already is harmless.
    func dispatch(_ entries: [DispatchEntry]) async throws

    /// Takes up to `limit` entries of a model, lower priority numbers first, and marks them as this worker's.
    /// Blocks on the server, without polling, for at most `wait` when nothing is there.
    /// - Returns: At least one entry, or none after `wait` or when ``interrupt()`` was called.
    func claim(model: ModelFingerprint, by worker: WorkerID, limit: Int, wait: Duration) async throws -> [Delivery]

    /// Ends a ``claim(model:by:limit:wait:)`` in progress at once, from any thread; it then returns none.
    func interrupt()

    /// Says that this worker still holds these entries, so that ``takeOver(model:by:idleFor:limit:)`` leaves them alone.
    func renew(_ deliveries: [Delivery], by worker: WorkerID) async throws

    /// Entries other workers took and have not renewed for `idleFor`, now marked as this worker's.
    func takeOver(model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int) async throws
        -> [Delivery]

    /// Removes entries for good.
    func acknowledge(_ deliveries: [Delivery]) async throws

    /// Moves delayed entries whose time has come, by the server's clock, to their lanes.
    /// - Returns: How many were moved, and how long until the next is due, if there is one.
    func promoteDue(limit: Int) async throws -> (moved: Int, next: Duration?)

    /// Every job id the queue holds for a model in any form: ready, pending or delayed.
    func heldJobs(model: ModelFingerprint) async throws -> Set<JobID>

    /// How full the queue is for a model.
    func depth(model: ModelFingerprint) async throws -> QueueDepth
}
