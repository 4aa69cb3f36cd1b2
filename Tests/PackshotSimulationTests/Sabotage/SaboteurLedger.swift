import PackshotJobs

/// A ledger that breaks one rule and keeps the others.
struct SaboteurLedger: JobLedger, BatchLedger {
    enum Rule: String, CaseIterable, Sendable {
        /// A finish counts whatever attempt it names.
        case acceptsStaleFinishes
        /// An attempt that is settled again hears that it is stale.
        case forgetsVerdicts
        /// A lease protects nobody.
        case rescuesTheLiving
        /// A running job is given to whoever asks.
        case confirmsTheHeld
        /// Being handed back costs an attempt.
        case countsHandBacks
        /// Heartbeats extend no lease.
        case ignoresHeartbeats
        /// What is to wait does not.
        case releasesEarly
        /// The queue is never told what it lacks.
        case owesNothing
        /// Nobody's lease ever ends.
        case rescuesNobody
    }

    let rule: Rule
    let ledger: MemoryLedger
    let clock: StoreClock

    /// Does something at another moment.
    private func later<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        clock.jump(.seconds(3_600))
        defer { clock.jump(.seconds(-3_600)) }
        return try await body()
    }

    // MARK: JobLedger

    func register(_ worker: WorkerRegistration) async throws { try await ledger.register(worker) }

    func deregister(_ worker: WorkerID, uptime: Int64) async throws {
        try await ledger.deregister(worker, uptime: uptime)
    }

    func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        if rule == .confirmsTheHeld {
            for job in ledger.jobs where jobs.contains(job.id) && job.machine.state == .running {
                guard let attempt = job.currentAttempt else { continue }
                _ = try await ledger.settle([
                    Settlement(
                        job: job.id, attempt: attempt, worker: worker, outcome: .handedBack(reason: ""), busyFrom: 0,
                        busyTo: 0, stages: StageTimes(), embeddingSources: [])
                ])
            }
        }
        return try await ledger.confirm(jobs, by: worker, lease: lease)
    }

    func waitForSignal(_ timeout: Duration) async throws { try await ledger.waitForSignal(timeout) }

    func heartbeat(
        _ worker: WorkerID, progress: [AttemptProgress], uptime: Int64, lease: Duration
    ) async throws -> HeartbeatReply {
        try await ledger.heartbeat(
            worker, progress: progress, uptime: uptime, lease: rule == .ignoresHeartbeats ? .zero : lease)
    }

    func reserve(_ request: SpendingRequest, for attempt: AttemptID) async throws -> MicroDollars? {
        try await ledger.reserve(request, for: attempt)
    }

    func settle(_ settlements: [Settlement]) async throws -> [SettlementVerdict] {
        let before = Dictionary(uniqueKeysWithValues: ledger.attempts.map { ($0.id, $0.state) })
        let verdicts = try await ledger.settle(settlements.map(altered))
        guard rule == .forgetsVerdicts else { return verdicts }
        return zip(settlements, verdicts).map { before[$0.attempt] == .running ? $1 : .stale }
    }

    func whileGivenUp(
        _ job: JobID, _ body: @escaping @Sendable (ImageSource) throws -> Void
    ) async throws -> Bool {
        try await ledger.whileGivenUp(job, body)
    }

    func whileHeld(
        _ job: JobID, by attempt: AttemptID, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> Bool {
        try await ledger.whileHeld(job, by: attempt, body)
    }

    private func altered(_ settlement: Settlement) -> Settlement {
        var (attempt, outcome) = (settlement.attempt, settlement.outcome)
        if rule == .acceptsStaleFinishes, case .completed = outcome {
            attempt = ledger.jobs.first { $0.id == settlement.job }?.currentAttempt ?? attempt
        }
        if rule == .countsHandBacks, case .handedBack(let reason) = outcome {
            let failure = AttemptFailure(code: "handed_back", message: reason, isPermanent: false)
            outcome = .failed(failure, retryAfter: .zero)
        }
        return Settlement(
            job: settlement.job, attempt: attempt, worker: settlement.worker, outcome: outcome,
            busyFrom: settlement.busyFrom, busyTo: settlement.busyTo, stages: settlement.stages,
            embeddingSources: settlement.embeddingSources)
    }

    func rescueExpired(limit: Int) async throws -> RescuedJobs {
        if rule == .rescuesNobody { return RescuedJobs(available: [], discarded: []) }
        return rule == .rescuesTheLiving
            ? try await later { try await ledger.rescueExpired(limit: limit) }
            : try await ledger.rescueExpired(limit: limit)
    }

    func releaseDue(overdue: Duration, limit: Int) async throws -> [DispatchEntry] {
        rule == .releasesEarly
            ? try await later { try await ledger.releaseDue(overdue: overdue, limit: limit) }
            : try await ledger.releaseDue(overdue: overdue, limit: limit)
    }

    func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry] {
        rule == .owesNothing
            ? [] : try await ledger.owedJobs(model: model, after: after, grace: grace, limit: limit)
    }

    func hasUnfinishedJobs(model: ModelFingerprint) async throws -> Bool {
        try await ledger.hasUnfinishedJobs(model: model)
    }

    // MARK: BatchLedger

    func submit(_ batch: NewBatch, chunks: () throws -> [PlannedJob]?) async throws -> Submission {
        try await ledger.submit(batch, chunks: chunks)
    }

    func undispatched(_ batch: BatchID, limit: Int) async throws -> [DispatchEntry] {
        try await ledger.undispatched(batch, limit: limit)
    }

    func markDispatched(_ batch: BatchID, through job: JobID) async throws {
        try await ledger.markDispatched(batch, through: job)
    }

    func batchesToDispatch() async throws -> [BatchID] { try await ledger.batchesToDispatch() }
}
