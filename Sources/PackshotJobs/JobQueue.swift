/// One stream of the queue: the jobs of one model at one priority.
package struct QueueLane: Hashable, Sendable {
    package let model: ModelFingerprint
    /// 0 (first) to 9 (last).
    package let priority: Int

    /// The priorities there are, most urgent first.
    package static let priorities = 0...9

    package init(model: ModelFingerprint, priority: Int) {
        precondition(Self.priorities.contains(priority), "priorities run from 0 to 9")
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

/// Which life of its data a queue is in.
package struct QueueEpoch: Hashable, Sendable {
    /// Differs from what was read before when the queue may have lost entries in between: it was wiped, restored from a
    /// copy, or its server was started anew. The ledger should then be asked what the queue owes.
    package let id: String
    /// True when the queue was found without any marker, so empty or new, and this call made one.
    package let isNew: Bool

    package init(id: String, isNew: Bool) {
        self.id = id
        self.isNew = isNew
    }
}

/// Delivery of job ids to workers. It owns nothing: everything in it can be rebuilt from the ledger, it may deliver an id
/// twice or forget it, and it may be wiped at any moment.
///
/// One value serves one worker: one ``claim(model:by:limit:wait:)`` at a time, the other calls from anywhere at any time.
/// Every method throws ``StoreError``: `.unreachable` when the server cannot be talked to (the connection is made anew on
/// the next call), `.refused` when it takes nothing for now, such as when it is out of memory. Every call is safe to repeat.
package protocol JobQueue: Sendable {
    /// Adds entries, in order within each share of a lane, in few round trips. Adding a job that is there already is harmless.
    /// When it throws, some of the entries may have been added.
    ///
    /// An entry with `notBefore` is kept aside until ``promoteDue(limit:)`` meets it after that moment.
    func dispatch(_ entries: [DispatchEntry]) async throws

    /// Takes up to `limit` entries of a model and marks them as this worker's. Blocks on the server, without polling, for
    /// at most `wait` when nothing is there.
    ///
    /// More urgent lanes come first. Within a lane its shares take turns in proportion to their weights. A share that comes
    /// gets its turns from the jobs on that are under way: it waits for the few entries that are settled to be next, and
    /// makes up for them and for what is in hand, at most ``QueueShare/mostMadeUpFor`` turns. Within a share it is the order
    /// of dispatch. So that nothing starves, every 20th claim that finds entries of a model, counted over the fleet, leaves the
    /// most urgent lane with entries aside and takes first from that other lane whose first entry has waited longest.
    /// - Returns: At least one entry, or none after `wait` or when ``interrupt()`` was called.
    /// - Throws: `CancellationError` when the task is cancelled while it blocks; it then holds no entry.
    func claim(model: ModelFingerprint, by worker: WorkerID, limit: Int, wait: Duration) async throws -> [Delivery]

    /// Ends a ``claim(model:by:limit:wait:)`` in progress at once, from any thread; it then returns none. When none is in
    /// progress, the next one returns none at once, so that an interrupt cannot fall between two claims.
    func interrupt()

    /// Says that this worker still holds these entries, so that ``takeOver(model:by:idleFor:limit:)`` leaves them alone.
    /// Entries that somebody else has taken over stay theirs.
    func renew(_ deliveries: [Delivery], by worker: WorkerID) async throws

    /// Entries that were delivered and not renewed for `idleFor`, now marked as this worker's: of workers that died, and
    /// of this one if the delivery itself was lost on its way.
    func takeOver(model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int) async throws
        -> [Delivery]

    /// Removes entries for good, whoever holds them.
    func acknowledge(_ deliveries: [Delivery]) async throws

    /// Moves delayed entries of all models whose time has come, by the server's clock, to their lanes.
    /// - Returns: How many were moved, and how long until the next is due, if there is one; zero when `limit` left due
    ///   ones behind.
    func promoteDue(limit: Int) async throws -> (moved: Int, next: Duration?)

    /// Makes entries of a model deliverable again that the server takes for delivered and nobody holds, as after the loss of part
    /// of its log. Entries in workers' hands may be delivered once more for it.
    func redeliverStranded(model: ModelFingerprint) async throws

    /// Every job id of a model that the queue has given out or can give out now: ready or pending. A job that is there all
    /// through the call is in the answer. What it keeps for later is not in it: of a job that waits for nothing, such as one
    /// that was to begin later, was cancelled and is asked for again, a delayed entry is not what is owed.
    func heldJobs(model: ModelFingerprint) async throws -> Set<JobID>

    /// How full the queue is for a model.
    func depth(model: ModelFingerprint) async throws -> QueueDepth

    /// The marker of the queue's present life, made when there is none.
    func epoch() async throws -> QueueEpoch

    /// Asks for the lead: the one worker of a model that does the fleet's chores. Whoever has it keeps it by asking again
    /// before `time` is over; then somebody else gets it.
    /// Everybody asks for the same `time`: a lead that seems to last longer is one from before the server's clock was set
    /// back, and counts as free.
    /// - Returns: nil for the one worker that has it now; for others, how long until it is free if it is not asked for again.
    ///   After a wipe two may believe that they have it until both have asked again: the chores bear it.
    func lead(model: ModelFingerprint, by worker: WorkerID, for time: Duration) async throws -> Duration?

    /// Forgets the name of a worker that leaves. Its entries that are still pending stay, for others to take over, and
    /// then so does its name.
    func forget(_ worker: WorkerID, model: ModelFingerprint) async throws
}
