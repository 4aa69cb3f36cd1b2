internal import Synchronization

/// Budgets: how a batch stands with its own.
extension MemoryLedger {
    package func setBudget(_ batch: BatchID, _ limit: MicroDollars?) async throws {
        state.withLock { Self.setBudget(batch, limit, in: &$0) }
    }

    static func setBudget(_ batch: BatchID, _ limit: MicroDollars?, in state: inout State) {
        state.batches[batch]?.budget = limit
        let committed = Self.committed(batch, in: state)
        guard state.batches[batch]?.isExhausted == true, limit.map({ $0 > committed }) ?? true else { return }
        state.batches[batch]?.isPaused = false
        state.batches[batch]?.isExhausted = false
    }

    package func reserve(_ request: SpendingRequest, for attempt: AttemptID) async throws -> MicroDollars? {
        state.withLock { state in
            guard let running = state.attempts[attempt], running.state == .running, let reserved = running.reserved,
                let batch = state.jobs[running.job]?.batch
            else { return nil }
            var granted: MicroDollars?
            if let limit = state.batches[batch]?.budget {
                granted = Budget(limit: limit, committed: Self.committed(batch, in: state)).extend(
                    reserved, to: request)
            } else {
                granted = max(reserved, request.wanted)
            }
            if let granted { state.attempts[attempt]?.reserved = granted }
            return granted
        }
    }

    /// What is paused, committed and owed to each batch, for tests.
    package func standing(_ batch: BatchID) -> (isPaused: Bool, committed: MicroDollars) {
        state.withLock { ($0.batches[batch]?.isPaused ?? false, Self.committed(batch, in: $0)) }
    }

    /// What a batch's attempts cost, and what is set aside for those that run.
    static func committed(_ batch: BatchID, in state: State) -> MicroDollars {
        attempts(of: batch, in: state).reduce(.zero) { sum, attempt in
            sum + (attempt.state == .running ? attempt.reserved ?? .zero : state.cost(of: attempt))
        }
    }

    private static func attempts(of batch: BatchID, in state: State) -> [Attempt] {
        state.attempts.values.filter { state.jobs[$0.job]?.batch == batch }
    }

    static func budgetDecision(
        for job: Job, by worker: WorkerID, lease: Duration, in state: State
    ) -> Budget.Decision {
        guard let limit = state.batches[job.batch]?.budget else { return .wait }
        let record = workRecord(of: job, in: state)
        let running = attempts(of: job.batch, in: state).filter { $0.state == .running }
        var committed = committed(job.batch, in: state)
        for attempt in running where attempt.reserved == nil {
            // It was begun before there was a budget: nobody has set anything aside for it.
            guard let spec = state.jobs[attempt.job]?.planned.spec,
                let estimate = record.estimate(of: Workload(spec))
            else { return .wait }
            committed =
                committed + card(of: attempt.worker, in: state).price(fromMicroseconds: 0, to: estimate.microseconds)
        }
        return Budget(limit: limit, committed: committed).claim(
            record.estimate(of: Workload(job.planned.spec)), at: card(of: worker, in: state),
            lease: lease.wholeMicroseconds, isIdle: running.isEmpty)
    }

    private static func card(of worker: WorkerID, in state: State) -> RateCard {
        state.workers[worker]?.registration.rateCard ?? RateCard(name: "none", perHour: .zero)
    }

    /// The latest images of a job's model, its batch's own and everybody's, and what of its batch was stopped for its cost.
    private static func workRecord(of job: Job, in state: State) -> WorkRecord {
        let latest = state.attempts.values.filter { $0.state == .completed || $0.wasOverBudget }.sorted {
            $0.id > $1.id
        }
        let own = latest.filter { $0.reserved != nil && state.jobs[$0.job]?.batch == job.batch }.prefix(
            WorkRecord.length)
        let images = latest.filter { $0.state == .completed }.prefix(WorkRecord.length)
        let chosen = Dictionary((own + images).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return WorkRecord(
            chosen.values.compactMap { attempt in
                guard let other = state.jobs[attempt.job], other.model == job.model,
                    let stretch = state.workers[attempt.worker]?.charges[attempt.id]
                else { return nil }
                return WorkRecord.Entry(
                    workload: Workload(other.planned.spec), microseconds: stretch.to - stretch.from,
                    isComplete: attempt.state == .completed)
            })
    }
}
