package import Foundation
internal import Synchronization

/// The ledger in memory: the reference the drivers are compared with, and what tests and simulations run on.
///
/// It keeps every promise of ``JobLedger`` and ``BatchLedger`` but durability. Time comes from the clock it is given.
package final class MemoryLedger: JobLedger {
    /// One job as the ledger knows it.
    package struct Job: Sendable {
        package let id: JobID
        package let batch: BatchID
        package internal(set) var planned: PlannedJob
        package let model: ModelFingerprint
        package internal(set) var machine: JobStateMachine
        package internal(set) var currentAttempt: AttemptID?
        package internal(set) var leaseEnd: Date?
        package internal(set) var dueAt: Date?
        package internal(set) var availableSince: Date
        package internal(set) var image: ImageRecord?
        package internal(set) var lastFailure: AttemptFailure?
    }

    /// One attempt as the ledger knows it.
    package struct Attempt: Sendable {
        /// How an attempt ended; `running` while it has not.
        package enum State: String, Sendable { case running, completed, failed, lost, handedBack, cancelled }

        package let id: AttemptID
        package let job: JobID
        package let worker: WorkerID
        package let number: Int
        package let startedAt: Date
        package internal(set) var state = State.running
        /// When a person cancelled its job while it ran.
        package internal(set) var cancelledAt: Date?
        /// Set aside of the batch's budget while it runs; nil without one.
        package internal(set) var reserved: MicroDollars?
        /// It was stopped because it cost more than could be set aside for it.
        var wasOverBudget = false
        var verdict: SettlementVerdict?
    }

    struct Batch {
        var new: NewBatch
        var weight: Int
        var isPaused = false
        /// It is paused because its budget is used up, not because a person said so.
        var isExhausted = false
        var budget: MicroDollars?
        var dispatchedThrough = JobID(rawValue: 0)

        func share(_ id: BatchID) -> QueueShare { QueueShare(tenant: new.tenant, batch: id, weight: weight) }
    }

    struct State {
        var batches: [BatchID: Batch] = [:]
        var jobs: [JobID: Job] = [:]
        var keys: [[UInt8]: JobID] = [:]
        var attempts: [AttemptID: Attempt] = [:]
        var workers: [WorkerID: Worker] = [:]
        var draining: Set<WorkerID> = []
        var limits: [ModelFingerprint: ModelLimits] = [:]
        /// Jobs that may begin now, and since when more are due.
        var tokens: [ModelFingerprint: (count: Double, at: Date)] = [:]
        var staleSettlements = 0
        var watch: LedgerWatch

        init(watch: LedgerWatch) { self.watch = watch }

        var nextJob: Int64 = 1
        var nextAttempt: Int64 = 1

        func cost(of attempt: Attempt) -> MicroDollars { workers[attempt.worker]?.cost(of: attempt.id) ?? .zero }
    }

    let now: @Sendable () -> Date
    let state: Mutex<State>

    /// - Parameter now: The ledger's one clock.
    package init(now: @escaping @Sendable () -> Date = { Date() }) {
        self.now = now
        state = Mutex(State(watch: LedgerWatch(at: now())))
    }

    // MARK: Looking

    /// Every job, by id.
    package var jobs: [Job] { state.withLock { $0.jobs.values.sorted { $0.id < $1.id } } }

    /// Every attempt, by id.
    package var attempts: [Attempt] { state.withLock { $0.attempts.values.sorted { $0.id < $1.id } } }

    /// Every worker that ever registered.
    package var workers: [WorkerID: Worker] { state.withLock { $0.workers } }

    /// How many settlements were refused as stale.
    package var staleSettlements: Int { state.withLock { $0.staleSettlements } }

    // MARK: Attempts

    package func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        let date = now()
        return state.withLock { state in
            var claimed: [ClaimedJob] = []
            var answered: Set<JobID> = []
            for id in jobs where answered.insert(id).inserted {
                guard var job = state.jobs[id], let batch = state.batches[job.batch] else { continue }
                // A job this worker holds already is given again: the answer to the first confirmation may have been lost.
                if job.machine.state == .running, let current = job.currentAttempt,
                    let attempt = state.attempts[current], attempt.worker == worker
                {
                    claimed.append(Self.claimed(job, attempt, batch))
                    continue
                }
                if let due = job.dueAt, due <= date { try? job.machine.apply(.due) }
                guard job.machine.state == .available, job.machine.attempts < job.machine.maxAttempts,
                    state.workers[worker]?.registration.model.fingerprint == job.model,
                    case .granted(let reserved) = Self.allowance(
                        for: job, by: worker, lease: lease, at: date, in: &state)
                else { continue }
                do { try job.machine.apply(.claimed) } catch { continue }
                var attempt = Attempt(
                    id: AttemptID(rawValue: state.nextAttempt), job: id, worker: worker,
                    number: job.machine.attempts, startedAt: date)
                state.nextAttempt += 1
                attempt.reserved = reserved
                state.attempts[attempt.id] = attempt
                job.dueAt = nil
                job.currentAttempt = attempt.id
                job.leaseEnd = date.addingTimeInterval(lease / .seconds(1))
                state.jobs[id] = job
                claimed.append(Self.claimed(job, attempt, batch))
            }
            return claimed
        }
    }

    private static func claimed(_ job: Job, _ attempt: Attempt, _ batch: Batch) -> ClaimedJob {
        ClaimedJob(
            id: job.id, batch: job.batch, batchName: batch.new.name, attempt: attempt.id,
            attemptNumber: attempt.number, maxAttempts: job.machine.maxAttempts, sku: job.planned.product.sku,
            title: job.planned.product.title, shot: job.planned.shot, variant: job.planned.variant, model: job.model,
            spec: job.planned.spec, outputRoot: batch.new.outputRoot, relativePath: job.planned.relativePath,
            spendingLimit: attempt.reserved, share: batch.share(job.batch))
    }

    package func settle(_ settlements: [Settlement]) async throws -> [SettlementVerdict] {
        let date = now()
        return state.withLock { state in settlements.map { Self.settle($0, at: date, in: &state) } }
    }

    package func whileGivenUp(
        _ job: JobID, _ body: @escaping @Sendable (ImageSource) throws -> Void
    ) async throws -> Bool {
        try state.withLock { state in
            guard let job = state.jobs[job], [.cancelled, .discarded].contains(job.machine.state),
                let batch = state.batches[job.batch]
            else { return false }
            let spec = job.planned.spec
            try body(
                ImageSource(batchName: batch.new.name, prompt: spec.prompt, seed: spec.seed, model: job.model))
            return true
        }
    }

    package func whileHeld(
        _ job: JobID, by attempt: AttemptID, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> Bool {
        try state.withLock { state in
            guard let job = state.jobs[job], job.machine.state == .running, job.currentAttempt == attempt else {
                return false
            }
            try body()
            return true
        }
    }

    private static func settle(_ settlement: Settlement, at date: Date, in state: inout State) -> SettlementVerdict {
        guard var attempt = state.attempts[settlement.attempt], attempt.job == settlement.job,
            attempt.worker == settlement.worker,
            var job = state.jobs[settlement.job]
        else { return .stale }
        if let verdict = attempt.verdict { return verdict }
        state.workers[attempt.worker]?.charges.report(
            attempt.id, from: settlement.busyFrom, to: settlement.busyTo)
        guard job.currentAttempt == attempt.id, job.machine.state == .running else {
            // Cancelled under way, or taken over: the time was spent all the same.
            if attempt.state == .running { attempt.state = .cancelled }
            attempt.verdict = .stale
            state.attempts[attempt.id] = attempt
            state.staleSettlements += 1
            return .stale
        }
        let event: JobStateMachine.Event
        switch settlement.outcome {
        case .completed(let image):
            event = .completed
            attempt.state = .completed
            job.image = image
        case .failed(let failure, let retryAfter):
            event = .failed(permanent: failure.isPermanent)
            attempt.state = .failed
            job.lastFailure = failure
            job.dueAt = date.addingTimeInterval(retryAfter / .seconds(1))
        case .handedBack:
            event = .handedBack
            attempt.state = .handedBack
        case .overBudget:
            event = .handedBack
            attempt.state = .handedBack
            attempt.wasOverBudget = true
        case .cancelled:
            event = .cancelled
            attempt.state = .cancelled
        }
        do { try job.machine.apply(event) } catch { preconditionFailure("a running job refused \(event)") }
        if job.machine.state != .retryable { job.dueAt = nil }
        job.leaseEnd = nil
        job.availableSince = date
        attempt.verdict = .accepted(job.machine.state)
        state.attempts[attempt.id] = attempt
        state.jobs[job.id] = job
        return .accepted(job.machine.state)
    }

    package func rescueExpired(limit: Int) async throws -> RescuedJobs {
        let date = now()
        return state.withLock { state in
            state.watch.pass(at: date)
            Self.endAbandoned(at: date, in: &state)
            var entries: [DispatchEntry] = []
            var discarded: [GivenUpJob] = []
            let expired = state.jobs.values.filter {
                $0.machine.state == .running && Self.isOver($0, at: date, in: state)
            }
            let longest = expired.sorted { ($0.leaseEnd ?? date, $0.id) < ($1.leaseEnd ?? date, $1.id) }.prefix(limit)
            for var job in longest.sorted(by: { $0.id < $1.id }) {
                guard let id = job.currentAttempt, var attempt = state.attempts[id] else { continue }
                attempt.state = .lost
                state.attempts[id] = attempt
                state.workers[attempt.worker]?.estimate(attempt, lostAt: job.leaseEnd ?? date)
                do { try job.machine.apply(.leaseExpired) } catch { preconditionFailure("a running job cannot expire") }
                job.lastFailure = AttemptFailure(
                    code: "lease_expired", message: "its worker stopped renewing the lease", isPermanent: false)
                job.leaseEnd = nil
                job.availableSince = date
                state.jobs[job.id] = job
                if job.machine.state == .available {
                    entries.append(Self.entry(job, in: state))
                } else if let batch = state.batches[job.batch]?.new {
                    discarded.append(
                        GivenUpJob(
                            id: job.id, batchName: batch.name, outputRoot: batch.outputRoot,
                            relativePath: job.planned.relativePath))
                }
            }
            return RescuedJobs(available: entries, discarded: discarded)
        }
    }

    /// Whether a lease has run out by time in which its worker could have renewed it.
    private static func isOver(_ job: Job, at date: Date, in state: State) -> Bool {
        guard let end = job.leaseEnd, let worker = job.currentAttempt.flatMap({ state.attempts[$0]?.worker }) else {
            return false
        }
        let silence = state.watch.silence(at: date) - (state.workers[worker]?.silence ?? 0)
        return end.addingTimeInterval(silence) < date
    }

    package func releaseDue(overdue: Duration, limit: Int) async throws -> [DispatchEntry] {
        let date = now()
        return state.withLock { state in
            var entries: [DispatchEntry] = []
            let due = state.jobs.values.filter { job in
                guard let due = job.dueAt else { return false }
                let isDelayed = job.machine.state == .scheduled && due == job.planned.scheduledAt
                return due <= (isDelayed ? date - overdue / .seconds(1) : date)
            }
            for var job in due.sorted(by: { $0.id < $1.id }).prefix(limit) {
                do { try job.machine.apply(.due) } catch { continue }
                job.dueAt = nil
                job.availableSince = date
                state.jobs[job.id] = job
                entries.append(Self.entry(job, in: state))
            }
            return entries
        }
    }

    package func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry] {
        let date = now()
        return state.withLock { state in
            state.jobs.values.filter { job in
                job.model == model && job.machine.state == .available && job.id > (after ?? JobID(rawValue: 0))
                    && date.timeIntervalSince(job.availableSince) > grace / .seconds(1)
                    && !Self.isPaused(job, in: state)
            }.sorted { $0.id < $1.id }.prefix(limit).map { Self.entry($0, in: state) }
        }
    }

    package func hasUnfinishedJobs(model: ModelFingerprint) async throws -> Bool {
        state.withLock { state in
            state.jobs.values.contains { job in
                job.model == model && !job.machine.state.isFinal
                    && (job.machine.state == .running || !Self.isPaused(job, in: state))
            }
        }
    }

    static func isPaused(_ job: Job, in state: State) -> Bool {
        state.batches[job.batch]?.isPaused == true || state.limits[job.model]?.isPaused == true
    }

    static func entry(_ job: Job, in state: State) -> DispatchEntry {
        DispatchEntry(
            job: job.id, lane: QueueLane(model: job.model, priority: job.planned.priority),
            share: state.batches[job.batch]?.share(job.batch) ?? .common, notBefore: job.dueAt)
    }
}
