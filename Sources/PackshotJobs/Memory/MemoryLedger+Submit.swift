internal import Foundation
internal import Synchronization

/// Submissions and what they owe the queue.
extension MemoryLedger: BatchLedger {
    package func submit(_ batch: NewBatch, chunks: () throws -> [PlannedJob]?) async throws -> Submission {
        var planned: [PlannedJob] = []
        while let chunk = try chunks() { planned += chunk }
        let date = now()
        return try state.withLock { state in
            // Everything is looked at before anything is changed.
            var draft = state
            let submission = try Self.submit(planned, to: batch, at: date, in: &draft)
            state = draft
            return submission
        }
    }

    private static func submit(
        _ planned: [PlannedJob], to new: NewBatch, at date: Date, in state: inout State
    ) throws -> Submission {
        let known = state.batches.first { $0.value.new.name == new.name && $0.value.new.outputRoot == new.outputRoot }
        let id = known?.key ?? BatchID(rawValue: Int64(state.batches.count) + 1)
        if let batch = known?.value {
            try refuseWhatCannotChange(batch, new)
            if let weight = new.weight { state.batches[id]?.weight = weight }
            if let budget = new.budget { setBudget(id, budget, in: &state) }
        } else {
            state.batches[id] = Batch(new: new, weight: new.weight ?? 1, budget: new.budget)
        }
        let maxAttempts = known?.value.new.maxAttempts ?? new.maxAttempts ?? NewBatch.usualAttempts
        var conflicts = SubmissionConflicts(batch: new.name)
        var paths = Set(state.jobs.values.filter { $0.batch == id }.map(\.planned.relativePath))
        var states: [BatchID: [JobState: Int]] = [:]
        var created = 0
        for job in planned {
            let clash = SubmissionConflicts.Clash(sku: job.product.sku, shot: job.shot, path: job.relativePath)
            let key = job.uniqueKey(in: new)
            if let known = state.keys[key].flatMap({ state.jobs[$0] }) {
                states[known.batch, default: [:]][known.machine.state, default: 0] += 1
                if !submitAgain(known, as: job, under: id, at: date, in: &state) { conflicts.addWaiting([clash]) }
                continue
            }
            guard paths.insert(job.relativePath).inserted else {
                conflicts.addTaken([clash])
                continue
            }
            add(job, key: key, to: id, new.model.fingerprint, maxAttempts: maxAttempts, at: date, in: &state)
            created += 1
        }
        guard conflicts.isEmpty else { throw conflicts.error }
        let knownJobs = states.sorted { $0.key < $1.key }.flatMap { batch, counts in
            counts.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                KnownJobs(
                    batch: batch, batchName: state.batches[batch]?.new.name ?? "",
                    outputRoot: state.batches[batch]?.new.outputRoot ?? "", state: $0.key, count: $0.value)
            }
        }
        return Submission(batch: id, submitted: planned.count, created: created, known: knownJobs)
    }

    private static func refuseWhatCannotChange(_ batch: Batch, _ new: NewBatch) throws(StoreError) {
        guard batch.new.model.fingerprint == new.model.fingerprint else {
            throw SubmissionConflicts.model(of: new, is: (batch.new.model.name, batch.new.model.fingerprint))
        }
        let attempts = batch.new.maxAttempts ?? NewBatch.usualAttempts
        if let asked = new.maxAttempts, asked != attempts {
            throw SubmissionConflicts.attempts(of: new, are: attempts)
        }
        if let asked = new.tenant, asked != batch.new.tenant {
            throw SubmissionConflicts.tenant(of: new, is: batch.new.tenant)
        }
    }

    /// Gives a job that is known what it is submitted with.
    /// - Returns: False if it waits in the same batch with another priority.
    private static func submitAgain(
        _ job: Job, as planned: PlannedJob, under batch: BatchID, at date: Date, in state: inout State
    ) -> Bool {
        var job = job
        let later = planned.scheduledAt.flatMap { $0 > date ? $0 : nil }
        switch job.machine.state {
        case .cancelled, .discarded:
            do { try job.machine.apply(.retried) } catch { preconditionFailure("what was given up can be retried") }
            job.lastFailure = nil
            job.planned.priority = planned.priority
            // The queue does not know its start.
            job.planned.scheduledAt = nil
        case .available, .scheduled, .retryable:
            guard job.batch == batch else { return true }
            guard job.planned.priority == planned.priority else { return false }
            guard let later, job.machine.state != .retryable, job.dueAt != later else { return true }
        case .running, .completed: return true
        }
        if later != nil, job.machine.state == .available { try? job.machine.apply(.postponed) }
        if later == nil, job.machine.state == .scheduled { try? job.machine.apply(.due) }
        job.dueAt = later
        job.availableSince = date
        state.jobs[job.id] = job
        return true
    }

    private static func add(
        _ planned: PlannedJob, key: [UInt8], to batch: BatchID, _ model: ModelFingerprint, maxAttempts: Int,
        at date: Date, in state: inout State
    ) {
        let id = JobID(rawValue: state.nextJob)
        state.nextJob += 1
        let later = planned.scheduledAt.flatMap { $0 > date ? $0 : nil }
        state.jobs[id] = Job(
            id: id, batch: batch, planned: planned, model: model,
            machine: JobStateMachine(
                state: later == nil ? .available : .scheduled, attempts: 0, maxAttempts: maxAttempts),
            dueAt: later, availableSince: date)
        state.keys[key] = id
    }

    package func undispatched(_ batch: BatchID, limit: Int) async throws -> [DispatchEntry] {
        state.withLock { state in
            let through = state.batches[batch]?.dispatchedThrough ?? JobID(rawValue: 0)
            return state.jobs.values.filter { $0.batch == batch && $0.id > through }
                .sorted { $0.id < $1.id }.prefix(limit).map { Self.entry($0, in: state) }
        }
    }

    package func markDispatched(_ batch: BatchID, through: JobID) async throws {
        state.withLock { state in
            guard let known = state.batches[batch] else { return }
            state.batches[batch]?.dispatchedThrough = max(known.dispatchedThrough, through)
        }
    }

    package func batchesToDispatch() async throws -> [BatchID] {
        state.withLock { state in
            Set(state.jobs.values.filter { $0.id > (state.batches[$0.batch]?.dispatchedThrough ?? $0.id) }.map(\.batch))
                .sorted()
        }
    }
}
