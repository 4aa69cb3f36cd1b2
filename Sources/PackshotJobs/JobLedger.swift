/// What a worker needs of the ledger: the store that decides who works on a job and what is done.
///
/// Every method is one transaction, judged by the store's own clock. Every method throws ``StoreError``: `.unreachable`
/// when the server cannot be talked to (the connection is made anew on the next call; a commit whose answer was lost
/// may have happened, and repeating the call is safe).
package protocol JobLedger: Sendable {
    /// Records a worker that starts, its model and its rate card. Of a worker that is recorded nothing changes: it did not hear the answer.
    func register(_ worker: WorkerRegistration) async throws

    /// Records that a worker stopped by itself, after `uptime` microseconds on its time line.
    func deregister(_ worker: WorkerID, uptime: Int64) async throws

    /// Makes deliveries into claims: each job that is available (and due) becomes running with a new attempt and a lease.
    ///
    /// Jobs of a paused batch or model stay available and are not given. Where a model's limits or a batch's budget are used up
    /// for the moment, a job becomes scheduled for a second or two later; where a budget does not pay for it and nothing runs that
    /// could give some of it back, the batch is paused.
    /// - Returns: The jobs this worker now holds. An id that is missing is not to be worked on: it is done, cancelled, held
    ///   by somebody else, not due, not allowed, or unknown; its queue entry can be acknowledged, because the ledger sees to it
    ///   that the queue gets it again if it is owed.
    func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob]

    /// Returns when a person has changed something workers should hear of at once, such as a cancelled job, or after `timeout`.
    /// What happened is in the answer to the next heartbeat.
    func waitForSignal(_ timeout: Duration) async throws

    /// Extends the leases of a worker's running attempts to `lease` from now, and records its progress.
    func heartbeat(
        _ worker: WorkerID, progress: [AttemptProgress], uptime: Int64, lease: Duration
    ) async throws -> HeartbeatReply

    /// Sets more of its batch's budget aside for a running attempt that needs more than is set aside for it.
    /// - Returns: What is set aside for it now; nil, and nothing has changed, when the budget does not pay for what it needs at
    ///   least, or the attempt does not run any more or has no budget.
    func reserve(_ request: SpendingRequest, for attempt: AttemptID) async throws -> MicroDollars?

    /// Ends attempts, all in one transaction: a settlement counts only if its attempt is still the job's latest and the
    /// job is running. Settling the same attempt the same way again gives the same verdict and changes nothing.
    /// - Returns: One verdict each, in order.
    func settle(_ settlements: [Settlement]) async throws -> [SettlementVerdict]

    /// Runs `body` while a job is cancelled or discarded and cannot be made available again, so that what was finished in vain
    /// can be taken away without taking it from somebody who makes it anew.
    /// - Parameter body: Is told what an image of the job is made of. Short: whoever wants to change the job waits for it.
    /// - Returns: False, and `body` was not run, if the job is neither.
    func whileGivenUp(_ job: JobID, _ body: @escaping @Sendable (ImageSource) throws -> Void) async throws -> Bool

    /// Runs `body` while an attempt is its job's latest and the job runs, so that no image of it is recorded, and nobody else can
    /// begin to make or record one.
    /// - Parameter body: Short: whoever wants to change the job waits for it.
    /// - Returns: False, and `body` was not run, if the attempt is not. When it throws after `body` was run, it may not have been
    ///   any more.
    func whileHeld(
        _ job: JobID, by attempt: AttemptID, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> Bool

    /// Ends the attempts of cancelled jobs whose workers are gone, and takes jobs away from workers whose lease has run out: the
    /// attempts end as lost, their time until the lease's end is waste, and the jobs become available or, without
    /// attempts left, discarded.
    ///
    /// A lease runs out only by time in which the ledger was seen alive, and it is this call that sees it: of the time since the
    /// call before, by whomever, two seconds count. A ledger that was away, restarted, promoted or stopped in the midst of
    /// anything takes nothing from workers that could not renew meanwhile; one that nobody looked at takes nothing at once.
    func rescueExpired(limit: Int) async throws -> RescuedJobs

    /// Scheduled and retryable jobs whose time has come become available.
    ///
    /// A job that was to begin later from the start waits in the queue, too, which delivers it at its time, and it can be
    /// claimed as it is. It is left alone until its time is over by `overdue`: then the queue has no worker for it, or forgot it.
    /// - Returns: Entries to dispatch.
    func releaseDue(overdue: Duration, limit: Int) async throws -> [DispatchEntry]

    /// Jobs of a model that a worker could be working on now and that `held` does not contain: what the queue owes.
    /// Only jobs that have been waiting longer than `grace` count, so that a dispatch under way is not repeated.
    /// - Returns: Up to `limit` entries in the order of their ids, all above `after`.
    func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry]

    /// True while a model has jobs that are not final and not paused: waiting, running or to be retried.
    func hasUnfinishedJobs(model: ModelFingerprint) async throws -> Bool
}

/// What a producer needs of the ledger.
package protocol BatchLedger: Sendable {
    /// Writes a batch and its jobs in one transaction, by bulk copy. After it returns, everything is durable; when it
    /// throws, no batch and no job was written.
    ///
    /// A job the ledger knows is not made twice, whatever batch it is in. One that was cancelled or discarded is asked for again
    /// by this: it becomes available in its own batch, with all its attempts, the priority and the start it is submitted with.
    ///
    /// A batch that is there already takes the new budget and weight (the weight for what goes to the queue from then on), and
    /// those of its jobs that wait take the start they are submitted with, if that is still to come.
    /// - Parameter chunks: Gives the jobs piece by piece, nil at the end, so that ten million need not be in memory.
    /// - Throws: ``StoreError`` `.conflict`, naming what contradicts what, when the batch is of another model, or was submitted with
    ///   another tenant or number of attempts; when planned paths of this batch are taken by jobs with other settings; when jobs
    ///   of this batch wait already with another priority. Paths and jobs are counted, and the first ten named.
    func submit(_ batch: NewBatch, chunks: () throws -> [PlannedJob]?) async throws -> Submission

    /// Jobs of a batch that were written and not yet marked as dispatched, up to `limit`, the first ones; in order within each lane.
    func undispatched(_ batch: BatchID, limit: Int) async throws -> [DispatchEntry]

    /// Remembers that a batch's jobs up to and including `through` were given to the queue.
    func markDispatched(_ batch: BatchID, through: JobID) async throws

    /// Batches with jobs not yet marked as dispatched.
    func batchesToDispatch() async throws -> [BatchID]
}
