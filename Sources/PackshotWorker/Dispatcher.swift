package import PackshotJobs

/// Carries jobs from the ledger to the queue.
package struct Dispatcher: Sendable {
    /// Jobs given to the queue between two marks: at most so many are given twice after a crash.
    private static let chunk = 50_000

    private let ledger: any BatchLedger
    private let queue: any JobQueue

    package init(ledger: any BatchLedger, queue: any JobQueue) {
        self.ledger = ledger
        self.queue = queue
    }

    /// Dispatches what a batch still owes the queue, in order. After a crash in the middle, a second call dispatches at
    /// most one chunk again, which is harmless.
    /// - Returns: Jobs dispatched.
    @discardableResult
    package func dispatch(_ batch: BatchID) async throws -> Int {
        var count = 0
        while true {
            let entries = try await ledger.undispatched(batch, limit: Self.chunk)
            guard let last = entries.map(\.last).max() else { return count }
            try await queue.dispatch(entries)
            try await ledger.markDispatched(batch, through: last)
            count += entries.reduce(0) { $0 + $1.count }
        }
    }
}

/// Gives the queue back what it has forgotten.
package struct Reconciler: Sendable {
    private static let chunk = 5_000

    private let ledger: any JobLedger
    private let batches: any BatchLedger
    private let queue: any JobQueue

    package init(ledger: any JobLedger, batches: any BatchLedger, queue: any JobQueue) {
        self.ledger = ledger
        self.batches = batches
        self.queue = queue
    }

    /// Dispatches every job of a model that could be worked on and that the queue holds in no form: after a producer died
    /// between commit and dispatch, or after Redis lost its data.
    /// - Parameter grace: Jobs that became available more recently are left to the dispatch that may be under way.
    /// - Returns: Jobs dispatched.
    @discardableResult
    package func reconcile(model: ModelFingerprint, grace: Duration) async throws -> Int {
        try await queue.redeliverStranded(model: model)
        let dispatcher = Dispatcher(ledger: batches, queue: queue)
        var count = 0
        for batch in try await batches.batchesToDispatch() { count += try await dispatcher.dispatch(batch) }
        for entries in [
            try await ledger.releaseDue(overdue: .zero, limit: 10_000),
            try await ledger.rescueExpired(limit: 10_000).available,
        ] {
            try await queue.dispatch(entries)
            count += entries.count
        }
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
