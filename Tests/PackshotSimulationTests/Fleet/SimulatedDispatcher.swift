import PackshotJobs

/// After `Sources/PackshotWorker/Dispatcher.swift`. Chunks are of 4 where the real ones are of 5,000, so that there is a
/// middle to die in.
struct SimulatedDispatcher {
    private static let chunk = 4

    let world: World
    let ledger: LedgerClient
    let queue: QueueClient

    /// `Dispatcher.dispatch`.
    func dispatch(_ batch: BatchID) async throws {
        while true {
            let entries = try await ledger.undispatched(batch, limit: Self.chunk)
            guard let last = entries.map(\.last).max() else { return }
            try await queue.dispatch(entries)
            try world.dieSometimes(ledger.process, "between dispatching and marking")
            try await ledger.markDispatched(batch, through: last)
        }
    }

    /// `Reconciler.reconcile`.
    func reconcile(grace: Duration) async throws {
        for batch in try await ledger.batchesToDispatch() { try await dispatch(batch) }
        try await queue.dispatch(ledger.releaseDue(overdue: .zero, limit: 10_000))
        try await queue.dispatch(ledger.rescueExpired(limit: 10_000))
        var owed = try await ledger.owedJobs(after: nil, grace: grace, limit: Self.chunk)
        guard !owed.isEmpty else { return }
        let held = try await queue.heldJobs()
        while let last = owed.last {
            try await queue.dispatch(owed.filter { !held.contains($0.job) })
            owed = try await ledger.owedJobs(after: last.job, grace: grace, limit: Self.chunk)
        }
    }
}
