import PackshotJobs

/// A ledger that answers differently where a test wants it to.
struct LedgerInFront: JobLedger {
    let base: MemoryLedger
    var confirmed: @Sendable ([ClaimedJob]) -> [ClaimedJob] = { $0 }
    /// Throws to refuse.
    var willSettle: @Sendable ([Settlement]) async throws -> Void = { _ in }

    func register(_ worker: WorkerRegistration) async throws { try await base.register(worker) }
    func deregister(_ worker: WorkerID, uptime: Int64) async throws {
        try await base.deregister(worker, uptime: uptime)
    }
    func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        confirmed(try await base.confirm(jobs, by: worker, lease: lease))
    }
    func waitForSignal(_ timeout: Duration) async throws { try await base.waitForSignal(timeout) }
    func heartbeat(
        _ worker: WorkerID, progress: [AttemptProgress], uptime: Int64, lease: Duration
    ) async throws -> HeartbeatReply {
        try await base.heartbeat(worker, progress: progress, uptime: uptime, lease: lease)
    }
    func reserve(_ request: SpendingRequest, for attempt: AttemptID) async throws -> MicroDollars? {
        try await base.reserve(request, for: attempt)
    }
    func settle(_ settlements: [Settlement]) async throws -> [SettlementVerdict] {
        try await willSettle(settlements)
        return try await base.settle(settlements)
    }
    func whileGivenUp(
        _ job: JobID, _ body: @escaping @Sendable (ImageSource) throws -> Void
    ) async throws -> Bool {
        try await base.whileGivenUp(job, body)
    }
    func whileHeld(
        _ job: JobID, by attempt: AttemptID, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> Bool {
        try await base.whileHeld(job, by: attempt, body)
    }
    func rescueExpired(limit: Int) async throws -> RescuedJobs { try await base.rescueExpired(limit: limit) }
    func releaseDue(overdue: Duration, limit: Int) async throws -> [DispatchEntry] {
        try await base.releaseDue(overdue: overdue, limit: limit)
    }
    func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry] {
        try await base.owedJobs(model: model, after: after, grace: grace, limit: limit)
    }
    func hasUnfinishedJobs(model: ModelFingerprint) async throws -> Bool {
        try await base.hasUnfinishedJobs(model: model)
    }
}
