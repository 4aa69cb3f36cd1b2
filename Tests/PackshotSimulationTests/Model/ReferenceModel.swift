import Foundation
import PackshotJobs

/// What a ledger should answer and hold, from the rules alone: written without looking at how the ledgers do it, small
/// enough to be seen to be right, and told of every operation in the order in which the ledger carried it out.
struct ReferenceModel {
    struct Job {
        let batch: BatchID
        var planned: PlannedJob
        let maxAttempts: Int
        var state: JobState
        var attempts = 0
        /// The latest attempt, and so the only one that may finish the job.
        var fence: AttemptID?
        var leaseEnd: Date?
        var due: Date?
        var waitingSince: Date
        var image: AttemptID?
        var reason: String?
    }

    struct Attempt {
        let job: JobID
        let worker: WorkerID
        let number: Int
        var state: MemoryLedger.Attempt.State = .running
        /// A person cancelled its job while it ran.
        var cancelledAt: Date?
        var verdict: SettlementVerdict?
    }

    struct Batch {
        let root: String
        let name: String
        var dispatched: Int64 = 0
        var isPaused = false
        /// It is paused because its budget is used up.
        var isExhausted = false
        var budget: MicroDollars?
    }

    /// Where a job may go from where it is; everything else is illegal, whoever asks for it.
    static let ways: [JobState: Set<JobState>] = [
        .available: [.running, .cancelled, .scheduled],
        .scheduled: [.available, .running, .cancelled],
        .retryable: [.available, .running, .cancelled],
        .running: [.completed, .retryable, .available, .cancelled, .discarded],
        .cancelled: [.available], .discarded: [.available], .completed: [],
    ]

    private(set) var jobs: [JobID: Job] = [:]
    private(set) var attempts: [AttemptID: Attempt] = [:]
    private(set) var staleSettlements = 0
    private(set) var repeatedSettlements = 0
    private(set) var batches: [BatchID: Batch] = [:]
    private var workers: [WorkerID: (heardAt: Date, silence: TimeInterval, hasStopped: Bool)] = [:]
    /// When somebody last looked for lost jobs, and the seconds before in which nobody had for longer than two.
    private var lastPass: Date
    private var silent = 0.0

    init(startedAt now: Date) { lastPass = now }

    var limits = ModelLimits()
    private var highestFence = AttemptID(rawValue: 0)
    /// True when an operation has changed something since the ledger was last compared.
    var isDirty = false

    var isEverythingFinal: Bool { jobs.values.allSatisfy(\.state.isFinal) }

    mutating func change(_ id: JobID, to state: JobState, _ body: (inout Job) -> Void) throws {
        guard var job = jobs[id] else { throw Disagreement("job \(id) does not exist") }
        guard Self.ways[job.state]?.contains(state) ?? false else {
            throw Disagreement("job \(id) goes from \(job.state.rawValue) to \(state.rawValue)")
        }
        job.state = state
        if state != .running { job.leaseEnd = nil }
        if state != .scheduled, state != .retryable { job.due = nil }
        body(&job)
        jobs[id] = job
        isDirty = true
    }

    // MARK: Submission

    /// - Parameter known: The ledger's jobs after the submission, for the numbers it gave.
    mutating func submitted(
        _ batch: NewBatch, _ planned: [PlannedJob], at now: Date, _ answer: Submission, known: [MemoryLedger.Job]
    ) throws {
        func identity(_ root: String, _ job: PlannedJob) -> [String] { [root, job.product.sku, job.spec.prompt] }
        var taken = Set(jobs.values.map { identity(batches[$0.batch]?.root ?? "", $0.planned) })
        let new = planned.filter { taken.insert(identity(batch.outputRoot, $0)).inserted }
        let given = known.filter { jobs[$0.id] == nil }
        try expect(answer.created == new.count && given.map(\.planned) == new, "submission made \(given.count) jobs")
        for (job, ledgers) in zip(new, given) {
            let isLater = job.scheduledAt.map { $0 > now } ?? false
            jobs[ledgers.id] = Job(
                batch: answer.batch, planned: job, maxAttempts: batch.maxAttempts ?? NewBatch.usualAttempts,
                state: isLater ? .scheduled : .available, due: isLater ? job.scheduledAt : nil, waitingSince: now)
        }
        let asked = Dictionary(planned.map { (identity(batch.outputRoot, $0), $0) }, uniquingKeysWith: { $1 })
        for (id, job) in jobs {
            guard let again = asked[identity(batches[job.batch]?.root ?? "", job.planned)] else { continue }
            try submittedAgain(id, again, isOwn: job.batch == answer.batch, at: now)
        }
        let before = batches[answer.batch]
        try expect(
            before.map { $0.root == batch.outputRoot && $0.name == batch.name } ?? true, "two batches with one number")
        if before == nil {
            batches[answer.batch] = Batch(root: batch.outputRoot, name: batch.name, budget: batch.budget)
        }
        isDirty = true
    }

    /// What was given up waits again; what waits in the batch itself takes the start it is asked for with.
    private mutating func submittedAgain(_ id: JobID, _ planned: PlannedJob, isOwn: Bool, at now: Date) throws {
        let later = planned.scheduledAt.flatMap { $0 > now ? $0 : nil }
        switch jobs[id]?.state {
        case .cancelled, .discarded:
            try change(id, to: .available) {
                if later != nil { $0.state = .scheduled }
                $0.due = later
                $0.attempts = 0
                $0.waitingSince = now
                $0.planned.scheduledAt = nil
            }
        case .available, .scheduled:
            guard isOwn, let later, jobs[id]?.due != later else { return }
            if jobs[id]?.state == .available { try change(id, to: .scheduled) { _ in } }
            jobs[id]?.due = later
            jobs[id]?.waitingSince = now
            isDirty = true
        default: break
        }
    }

    func undispatched(_ batch: BatchID, limit: Int, _ answer: [DispatchEntry]) throws {
        let through = batches[batch]?.dispatched ?? 0
        let owed = jobs.filter { $0.value.batch == batch && $0.key.rawValue > through }.keys.sorted()
        try expect(answer.map(\.job) == Array(owed.prefix(limit)), "undispatched jobs of batch \(batch)")
        try check(answer)
    }

    mutating func markedDispatched(_ batch: BatchID, through job: JobID) {
        guard let before = batches[batch] else { return }
        batches[batch]?.dispatched = max(before.dispatched, job.rawValue)
    }

    func batchesToDispatch(_ answer: [BatchID]) throws {
        let owed = jobs.filter { $0.key.rawValue > batches[$0.value.batch]?.dispatched ?? 0 }.map(\.value.batch)
        try expect(answer == Set(owed).sorted(), "batches to dispatch")
    }

    mutating func changeBatch(_ id: BatchID, _ body: (inout Batch) -> Void) {
        if var batch = batches[id] {
            body(&batch)
            batches[id] = batch
        }
    }

    func isPaused(_ job: Job) -> Bool { limits.isPaused || batches[job.batch]?.isPaused ?? false }

    var hasUnfinishedJobs: Bool {
        jobs.values.contains { $0.state == .running || (!$0.state.isFinal && !isPaused($0)) }
    }

    // MARK: Workers

    mutating func registered(_ worker: WorkerID, at now: Date) {
        // Whoever comes again did not hear the first answer.
        if workers[worker] == nil { workers[worker] = (now, silence(at: now), false) }
    }

    mutating func deregistered(_ worker: WorkerID, at now: Date) {
        workers[worker]?.heardAt = now
        workers[worker]?.hasStopped = true
    }

    // MARK: Attempts

    /// - Parameter ledger: Asked why a job that is free was not given.
    mutating func confirmed(
        _ ids: [JobID], by worker: WorkerID, lease: Duration, at now: Date, _ answer: [ClaimedJob],
        _ ledger: MemoryLedger
    ) throws {
        var given = Dictionary(grouping: answer, by: \.id)
        let before = highestFence
        for id in Set(ids).sorted() {
            let claim = given.removeValue(forKey: id)
            try expect(claim?.count ?? 1 == 1, "job \(id) was given twice in one answer")
            guard let job = jobs[id] else {
                try expect(claim == nil, "the unknown job \(id) was given to \(worker)")
                continue
            }
            let isDue = job.due.map { $0 <= now } ?? false
            if job.state == .available || (job.state == .scheduled || job.state == .retryable) && isDue {
                guard let claim = claim?.first else {
                    try refused(id, job, by: worker, at: now, ledger)
                    continue
                }
                try expect(!isPaused(job), "job \(id) was given, and it is paused")
                let running = jobs.values.count { $0.state == .running }
                try expect(running < limits.maxRunning ?? .max, "job \(id) is one more than may run")
                try expect(claim.attempt > before, "the fence \(claim.attempt) is not above \(before)")
                try expect(attempts[claim.attempt] == nil, "the fence \(claim.attempt) was given twice")
                try expect(claim.attemptNumber == job.attempts + 1, "job \(id) counts attempts wrongly")
                try expect(claim.attemptNumber <= job.maxAttempts, "job \(id) is tried too often")
                highestFence = max(highestFence, claim.attempt)
                attempts[claim.attempt] = Attempt(job: id, worker: worker, number: claim.attemptNumber)
                try change(id, to: .running) {
                    $0.attempts += 1
                    $0.fence = claim.attempt
                    $0.leaseEnd = now.addingTimeInterval(lease / .seconds(1))
                }
            } else if job.state == .running, let fence = job.fence, attempts[fence]?.worker == worker {
                try expect(claim?.first?.attempt == fence, "\(worker) was not given job \(id) again, which it holds")
            } else {
                try expect(claim == nil, "\(worker) was given job \(id), which is \(job.state.rawValue)")
            }
        }
        try expect(given.isEmpty, "\(worker) was given jobs it did not ask for")
        // Attempts that began before there was a budget set nothing aside.
        for id in Set(answer.filter { $0.attempt > before && $0.spendingLimit != nil }.map(\.batch)) {
            guard let budget = batches[id]?.budget else { continue }
            let committed = ledger.standing(id).committed
            try expect(committed <= budget, "batch \(id) sets \(committed) aside of \(budget)")
        }
    }

    /// More was set aside for an attempt: it runs, and its batch's budget pays for it.
    func reserved(for fence: AttemptID, _ ledger: MemoryLedger) throws {
        guard let attempt = attempts[fence], attempt.state == .running, let batch = jobs[attempt.job]?.batch else {
            throw Disagreement("more was set aside for attempt \(fence), which does not run")
        }
        guard let budget = batches[batch]?.budget else { return }
        let committed = ledger.standing(batch).committed
        try expect(committed <= budget, "batch \(batch) sets \(committed) aside of \(budget)")
    }

    /// A free job that is not given is paused, or waits for its model's limits or its batch's budget.
    private mutating func refused(
        _ id: JobID, _ job: Job, by worker: WorkerID, at now: Date, _ ledger: MemoryLedger
    ) throws {
        if isPaused(job) { return }
        let isRestricted = limits != ModelLimits() || batches[job.batch]?.budget != nil
        try expect(isRestricted, "\(worker) was refused the free job \(id)")
        if ledger.standing(job.batch).isPaused {
            try expect(batches[job.batch]?.budget != nil, "batch \(job.batch) was paused by nobody")
            let running = attempts.values.filter { $0.state == .running && jobs[$0.job]?.batch == job.batch }
            try expect(running.isEmpty, "batch \(job.batch) is out of budget, and some of it may come back")
            return changeBatch(job.batch) { ($0.isPaused, $0.isExhausted) = (true, true) }
        }
        guard let due = ledger.jobs.first(where: { $0.id == id })?.dueAt else {
            throw Disagreement("job \(id) was neither given nor put off")
        }
        let wait = due.timeIntervalSince(now)
        try expect(wait > 0 && wait <= 2.5, "job \(id) was put off by \(wait) s")
        if job.state == .available {
            try change(id, to: .scheduled) { $0.due = due }
        } else {
            jobs[id]?.due = due
        }
        isDirty = true
    }

    mutating func heartbeat(
        of worker: WorkerID, _ progress: [AttemptProgress], lease: Duration, at now: Date, _ answer: HeartbeatReply
    ) throws {
        workers[worker]?.heardAt = now
        let silence = silence(at: now)
        workers[worker]?.silence = silence
        for item in progress {
            let job = jobs[item.job]
            let isLatest = job?.fence == item.attempt
            let isHeld = isLatest && job?.state == .running
            if isHeld { jobs[item.job]?.leaseEnd = now.addingTimeInterval(lease / .seconds(1)) }
            let isCancelled = isLatest && job?.state == .cancelled
            try expect(answer.cancelled.contains(item.attempt) == isCancelled, "heartbeat on attempt \(item.attempt)")
            try expect(
                answer.lost.contains(item.attempt) == (!isHeld && !isCancelled), "heartbeat on attempt \(item.attempt)")
        }
    }

    mutating func settled(_ settlement: Settlement, at now: Date, _ verdict: SettlementVerdict) throws {
        let (id, fence) = (settlement.job, settlement.attempt)
        if let before = attempts[fence]?.verdict {
            repeatedSettlements += 1
            return try expect(verdict == before, "attempt \(fence) was told \(before), then \(verdict)")
        }
        guard let job = jobs[id], job.state == .running, job.fence == fence else {
            try expect(verdict == .stale, "attempt \(fence) of job \(id) is stale and was told \(verdict)")
            attempts[fence]?.verdict = .stale
            if attempts[fence]?.state == .running { attempts[fence]?.state = .cancelled }
            staleSettlements += 1
            isDirty = true
            return
        }
        switch settlement.outcome {
        case .completed(let image):
            try expect(image.relativePath == job.planned.relativePath, "job \(id) has a foreign image")
            attempts[fence]?.state = .completed
            try change(id, to: .completed) { $0.image = fence }
        case .failed(let failure, let wait):
            attempts[fence]?.state = .failed
            let isLast = failure.isPermanent || job.attempts == job.maxAttempts
            try change(id, to: isLast ? .discarded : .retryable) {
                $0.reason = failure.code
                if !isLast { $0.due = now.addingTimeInterval(wait / .seconds(1)) }
            }
        case .handedBack, .overBudget:
            attempts[fence]?.state = .handedBack
            try change(id, to: .available) {
                $0.attempts -= 1
                $0.waitingSince = now
            }
        case .cancelled:
            attempts[fence]?.state = .cancelled
            try change(id, to: .cancelled) { _ in }
        }
        let state = jobs[id]?.state ?? job.state
        attempts[fence]?.verdict = .accepted(state)
        try expect(verdict == .accepted(state), "job \(id) became \(state.rawValue), its worker was told \(verdict)")
    }

    // MARK: Chores

    /// - Returns: How long the longest of the leases that were taken away had been over, in seconds.
    mutating func rescued(at now: Date, _ answer: [DispatchEntry]) throws -> Double {
        silent = silence(at: now)
        lastPass = max(lastPass, now)
        endAbandoned(at: now)
        var freed: [JobID] = []
        var overdue = 0.0
        for id in ids(where: { $0.state == .running && isOver($0, at: now) }) {
            guard let job = jobs[id], let end = job.leaseEnd, let fence = job.fence else { continue }
            let silence = silence(at: now) - (workers[attempts[fence]?.worker ?? WorkerID(rawValue: "")]?.silence ?? 0)
            overdue = max(overdue, now.timeIntervalSince(end) - silence)
            attempts[fence]?.state = .lost
            let isLast = job.attempts == job.maxAttempts
            try change(id, to: isLast ? .discarded : .available) {
                $0.reason = "lease_expired"
                $0.waitingSince = now
            }
            if !isLast { freed.append(id) }
        }
        try expect(answer.map(\.job) == freed, "\(freed) lost their leases, \(answer.map(\.job)) were taken away")
        try check(answer)
        return overdue
    }

    private func silence(at now: Date) -> Double {
        silent + max(0, now.timeIntervalSince(lastPass) - 2)
    }

    private func isOver(_ job: Job, at now: Date) -> Bool {
        guard let end = job.leaseEnd, let worker = job.fence.flatMap({ attempts[$0]?.worker }) else { return false }
        return end.timeIntervalSince(now) + silence(at: now) - (workers[worker]?.silence ?? 0) < 0
    }

    mutating func cancelled(_ id: JobID, at now: Date) throws {
        if let job = jobs[id], job.state == .running, let fence = job.fence { attempts[fence]?.cancelledAt = now }
        try change(id, to: .cancelled) { _ in }
    }

    /// Attempts of cancelled jobs end when their workers are gone, or have not ended them for two minutes.
    private mutating func endAbandoned(at now: Date) {
        for (id, attempt) in attempts where attempt.state == .running {
            guard let cancelledAt = attempt.cancelledAt, let worker = workers[attempt.worker] else { continue }
            let silence = silence(at: now) - worker.silence
            let isGone = worker.hasStopped || now.timeIntervalSince(worker.heardAt) - silence > 30
            guard isGone || now.timeIntervalSince(cancelledAt) > 120 else { continue }
            attempts[id]?.state = .cancelled
            isDirty = true
        }
    }

    mutating func released(at now: Date, overdue: Duration, _ answer: [DispatchEntry]) throws {
        let due = ids { job in
            guard let due = job.due else { return false }
            let isLeftToTheQueue = job.state == .scheduled && due == job.planned.scheduledAt
            return due <= (isLeftToTheQueue ? now - overdue / .seconds(1) : now)
        }
        for id in due { try change(id, to: .available) { $0.waitingSince = now } }
        try expect(answer.map(\.job) == due, "jobs \(due) were due, \(answer.map(\.job)) were released")
        try check(answer)
    }

    private func ids(where isMeant: (Job) -> Bool) -> [JobID] {
        var ids: [JobID] = []
        for (id, job) in jobs where isMeant(job) { ids.append(id) }
        return ids.sorted()
    }

    func owed(after: JobID?, grace: Duration, limit: Int, at now: Date, _ answer: [DispatchEntry]) throws {
        let owed = jobs.filter { id, job in
            job.state == .available && !isPaused(job) && id.rawValue > after?.rawValue ?? 0
                && now.timeIntervalSince(job.waitingSince) > grace / .seconds(1)
        }
        try expect(answer.map(\.job) == Array(owed.keys.sorted().prefix(limit)), "jobs the queue owes")
        try check(answer)
    }

    private func check(_ entries: [DispatchEntry]) throws {
        for entry in entries {
            try expect(
                entry.lane.priority == jobs[entry.job]?.planned.priority, "job \(entry.job) is in the wrong lane")
            try expect(entry.notBefore == jobs[entry.job]?.due, "job \(entry.job) is dispatched for the wrong moment")
        }
    }
}

/// A ledger that did something else than the rules say, or a world that is not as the ledger says.
struct Disagreement: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    if !condition { throw Disagreement(message()) }
}
