internal import Foundation
internal import Synchronization

/// Steering, and what it allows a claim.
extension MemoryLedger: SteeringLedger {
    package func cancel(_ selection: JobSelection) async throws -> Int {
        let date = now()
        return state.withLock { state in
            var count = 0
            for var job in Self.selected(selection, in: state) where !job.machine.state.isFinal {
                if job.machine.state == .running, let attempt = job.currentAttempt {
                    state.attempts[attempt]?.cancelledAt = date
                }
                do { try job.machine.apply(.cancelled) } catch { continue }
                job.leaseEnd = nil
                job.dueAt = nil
                job.availableSince = date
                state.jobs[job.id] = job
                count += 1
            }
            return count
        }
    }

    package func retry(_ selection: JobSelection, limit: Int) async throws -> [DispatchEntry] {
        let date = now()
        return state.withLock { state in
            var entries: [DispatchEntry] = []
            for var job in Self.selected(selection, in: state) where entries.count < limit {
                do { try job.machine.apply(.retried) } catch { continue }
                job.dueAt = nil
                job.lastFailure = nil
                job.availableSince = date
                state.jobs[job.id] = job
                entries.append(Self.entry(job, in: state))
            }
            return entries
        }
    }

    package func pause(_ batch: BatchID) async throws {
        state.withLock { $0.batches[batch]?.isPaused = true }
    }

    package func resume(_ batch: BatchID) async throws {
        state.withLock { state in
            state.batches[batch]?.isPaused = false
            state.batches[batch]?.isExhausted = false
        }
    }

    @discardableResult
    package func changeLimits(
        _ model: ModelFingerprint, _ change: @escaping @Sendable (inout ModelLimits) -> Void
    ) async throws -> ModelLimits {
        let date = now()
        return state.withLock { state in
            var limits = state.limits[model] ?? ModelLimits()
            change(&limits)
            state.limits[model] = limits
            if limits.perMinute != nil, state.tokens[model] == nil { state.tokens[model] = (1, date) }
            return limits
        }
    }

    package func drain(_ workers: [WorkerID]) async throws -> [WorkerID] {
        state.withLock { state in
            let known = workers.filter { state.workers[$0] != nil }
            state.draining.formUnion(known)
            return known
        }
    }

    private static func selected(_ selection: JobSelection, in state: State) -> [Job] {
        state.jobs.values.filter { job in
            (selection.batch == nil || job.batch == selection.batch)
                && (selection.job == nil || job.id == selection.job)
                && (selection.model == nil || job.model == selection.model)
                && (selection.states.isEmpty || selection.states.contains(job.machine.state))
                && (selection.sku.map { JobSelection.matches(job.planned.product.sku, $0) } ?? true)
                && (selection.shot.map { JobSelection.matches(job.planned.shot, $0) } ?? true)
                && (selection.reason.map { JobSelection.matches(job.lastFailure?.code ?? "", $0) } ?? true)
        }.sorted { $0.id < $1.id }
    }

    /// Whether a claim may begin.
    enum Allowance {
        /// With this much set aside of its batch's budget, if it has one.
        case granted(reserved: MicroDollars?)
        case refused
    }

    /// Judges a claim of a job; one that is refused is postponed, or its batch paused, as it must be.
    static func allowance(
        for job: Job, by worker: WorkerID, lease: Duration, at date: Date, in state: inout State
    ) -> Allowance {
        guard !isPaused(job, in: state) else { return .refused }
        func postpone() {
            // A retryable job whose time has come stays retryable.
            guard var stored = state.jobs[job.id] else { return }
            if stored.machine.state == .available {
                do { try stored.machine.apply(.postponed) } catch { return }
            }
            stored.dueAt = date.addingTimeInterval(1.5)
            state.jobs[job.id] = stored
        }
        let limits = state.limits[job.model] ?? ModelLimits()
        let running = state.jobs.values.filter { $0.machine.state == .running }
        if let most = limits.maxRunning, running.count(where: { $0.model == job.model }) >= most {
            postpone()
            return .refused
        }
        var bucket = state.tokens[job.model]
        if let rate = limits.perMinute {
            let (count, since) = bucket ?? (1, date)
            let filled = min(max(1, Double(rate) / 60), count + date.timeIntervalSince(since) * Double(rate) / 60)
            bucket = (filled, date)
            guard filled >= 1 else {
                state.tokens[job.model] = bucket
                postpone()
                return .refused
            }
            bucket?.count -= 1
        }
        var reserved: MicroDollars?
        if state.batches[job.batch]?.budget != nil {
            switch budgetDecision(for: job, by: worker, lease: lease, in: state) {
            case .reserve(let amount): reserved = amount
            case .wait:
                postpone()
                return .refused
            case .exhausted:
                state.batches[job.batch]?.isPaused = true
                state.batches[job.batch]?.isExhausted = true
                return .refused
            }
        }
        if let bucket { state.tokens[job.model] = bucket }
        return .granted(reserved: reserved)
    }
}
