package import Logging
package import PackshotJobs

/// What is done for the whole fleet: by the worker that has the lead, and by whoever runs `packshot reconcile`. Jobs of dead
/// workers and jobs whose time has come go back to the queue, with what it has forgotten, and the files of those that are given
/// up go away. All of it is safe to do twice, and by several at once.
package struct Chores: Sendable {
    /// Jobs looked at between two calls.
    private static let chunk = 5_000

    private let ledger: any JobLedger & BatchLedger
    private let queue: any JobQueue
    private let givenUp: GivenUpFiles

    /// - Parameters:
    ///   - id: The ledger's, as its images say it inside.
    ///   - outputRoot: Where the files of all jobs are; nil for the folder that each one's batch names.
    package init(
        ledger: any JobLedger & BatchLedger, of id: LedgerID?, queue: any JobQueue, files: any ImageFiles,
        outputRoot: String? = nil, logger: Logger
    ) {
        self.ledger = ledger
        self.queue = queue
        givenUp = GivenUpFiles(
            ledger: ledger, ledgerID: id, files: files, outputRoot: outputRoot, logger: logger)
    }

    /// Takes jobs away from workers whose leases have run out. Those with attempts left are dispatched; of the others the
    /// files are removed that their workers had written before they died.
    /// - Returns: Jobs dispatched.
    package func rescue(limit: Int) async throws -> Int {
        let rescued = try await ledger.rescueExpired(limit: limit)
        // First: a queue that is away must not keep the files, for nobody hears of these jobs again.
        for job in rescued.discarded { await givenUp.remove(job) }
        try await queue.dispatch(rescued.available)
        return rescued.available.count
    }

    /// Dispatches jobs whose time has come, as ``JobLedger/releaseDue(overdue:limit:)`` says.
    /// - Returns: Jobs dispatched.
    package func release(overdue: Duration, limit: Int) async throws -> Int {
        let entries = try await ledger.releaseDue(overdue: overdue, limit: limit)
        try await queue.dispatch(entries)
        return entries.count
    }

    /// Dispatches every job of a model that could be worked on and that the queue holds in no form: after a producer died
    /// between commit and dispatch, or after Redis lost its data.
    /// - Parameter grace: Jobs that became available more recently are left to the dispatch that may be under way.
    /// - Returns: Jobs dispatched.
    @discardableResult
    package func reconcile(model: ModelFingerprint, grace: Duration) async throws -> Int {
        try await queue.redeliverStranded(model: model)
        let dispatcher = Dispatcher(ledger: ledger, queue: queue)
        var count = 0
        for batch in try await ledger.batchesToDispatch() { count += try await dispatcher.dispatch(batch) }
        count += try await release(overdue: .zero, limit: 10_000)
        count += try await rescue(limit: 10_000)
        var owed = try await ledger.owedJobs(model: model, after: nil, grace: grace, limit: Self.chunk)
        guard !owed.isEmpty else { return count }
        let held = try await queue.heldJobs(model: model)
        while let last = owed.last {
            let missing = owed.filter { !held.contains($0.job) }
            try await queue.dispatch(missing)
            count += missing.count
            owed = try await ledger.owedJobs(model: model, after: last.job, grace: grace, limit: Self.chunk)
        }
        return count
    }
}
