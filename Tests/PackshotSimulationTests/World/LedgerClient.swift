import PackshotJobs

/// The ledger over one connection, with the model watching what it does.
struct LedgerClient {
    let world: World
    let process: SimulatedProcess
    let link = Link()

    func call<Answer>(
        _ what: @autoclosure () -> String, _ body: @escaping () async throws -> Answer
    ) async throws -> Answer {
        try await world.call(world.ledgerServer, process, link, what(), body)
    }

    // MARK: Workers

    func register(_ worker: WorkerRegistration) async throws {
        try await call("register") {
            try await world.ledger.register(worker)
            world.model.registered(worker.id, at: world.ledgerServer.clock.date)
        }
    }

    func deregister(_ worker: WorkerID, uptime: Int64) async throws {
        try await call("deregister") {
            try await world.ledger.deregister(worker, uptime: uptime)
            world.model.deregistered(worker, at: world.ledgerServer.clock.date)
        }
    }

    func confirm(_ jobs: [JobID], by worker: WorkerID) async throws -> [ClaimedJob] {
        try await call("confirm \(jobs)") { [lease = world.settings.lease] in
            let answer = try await world.ledger.confirm(jobs, by: worker, lease: lease)
            world.check {
                try world.model.confirmed(
                    jobs, by: worker, lease: lease, at: world.ledgerServer.clock.date, answer, world.memory)
            }
            return answer
        }
    }

    func heartbeat(_ worker: WorkerID, _ progress: [AttemptProgress], uptime: Int64) async throws -> HeartbeatReply {
        try await call("heartbeat \(progress.map(\.attempt))") { [lease = world.settings.lease] in
            let answer = try await world.ledger.heartbeat(worker, progress: progress, uptime: uptime, lease: lease)
            world.check {
                try world.model.heartbeat(of: worker, progress, lease: lease, at: world.ledgerServer.clock.date, answer)
            }
            return answer
        }
    }

    func settle(_ settlements: [Settlement]) async throws -> [SettlementVerdict] {
        try await call("settle \(settlements.map(\.described))") {
            let answer = try await world.ledger.settle(settlements)
            world.check {
                try expect(answer.count == settlements.count, "verdicts are missing")
                for (settlement, verdict) in zip(settlements, answer) {
                    try world.model.settled(settlement, at: world.ledgerServer.clock.date, verdict)
                }
            }
            return answer
        }
    }

    func hasUnfinishedJobs() async throws -> Bool {
        try await call("unfinished?") {
            let answer = try await world.ledger.hasUnfinishedJobs(model: world.modelRecord.fingerprint)
            world.check { try expect(answer == world.model.hasUnfinishedJobs, "whether there are unfinished jobs") }
            return answer
        }
    }

    // MARK: Chores

    func rescueExpired(limit: Int) async throws -> [DispatchEntry] {
        try await call("rescue") {
            let answer = try await world.ledger.rescueExpired(limit: limit).available
            world.check {
                let overdue = try world.model.rescued(at: world.ledgerServer.clock.date, answer)
                guard let limit = world.rescueLimit else { return }
                try expect(
                    overdue <= Double(limit) / 1e6, "a dead worker's job was rescued \(overdue) s after its lease")
            }
            return answer
        }
    }

    func releaseDue(overdue: Duration, limit: Int) async throws -> [DispatchEntry] {
        try await call("release") {
            let answer = try await world.ledger.releaseDue(overdue: overdue, limit: limit)
            world.check { try world.model.released(at: world.ledgerServer.clock.date, overdue: overdue, answer) }
            return answer
        }
    }

    func owedJobs(after: JobID?, grace: Duration, limit: Int) async throws -> [DispatchEntry] {
        try await call("owed after \(after?.rawValue ?? 0)") {
            let answer = try await world.ledger.owedJobs(
                model: world.modelRecord.fingerprint, after: after, grace: grace, limit: limit)
            world.check {
                try world.model.owed(
                    after: after, grace: grace, limit: limit, at: world.ledgerServer.clock.date, answer)
            }
            return answer
        }
    }

    // MARK: Producers

    func submit(_ batch: NewBatch, _ jobs: [PlannedJob]) async throws -> Submission {
        try await call("submit \(jobs.count) jobs to \(batch.name)") {
            var rest: [PlannedJob]? = jobs
            let answer = try await world.ledger.submit(batch) {
                defer { rest = nil }
                return rest
            }
            world.check {
                try world.model.submitted(
                    batch, jobs, at: world.ledgerServer.clock.date, answer, known: world.memory.jobs)
            }
            return answer
        }
    }

    func undispatched(_ batch: BatchID, limit: Int) async throws -> [DispatchEntry] {
        try await call("undispatched of \(batch)") {
            let answer = try await world.ledger.undispatched(batch, limit: limit)
            world.check { try world.model.undispatched(batch, limit: limit, answer) }
            return answer
        }
    }

    func markDispatched(_ batch: BatchID, through job: JobID) async throws {
        try await call("dispatched through \(job)") {
            try await world.ledger.markDispatched(batch, through: job)
            world.check { world.model.markedDispatched(batch, through: job) }
        }
    }

    func batchesToDispatch() async throws -> [BatchID] {
        try await call("batches to dispatch") {
            let answer = try await world.ledger.batchesToDispatch()
            world.check { try world.model.batchesToDispatch(answer) }
            return answer
        }
    }
}

extension Settlement {
    fileprivate var described: String {
        let what =
            switch outcome {
            case .completed: "completed"
            case .failed(let failure, _): failure.code
            case .handedBack(let reason): "handed back (\(reason))"
            case .cancelled: "cancelled"
            }
        return "job \(job) attempt \(attempt) \(what) \(busyFrom)..\(busyTo)"
    }
}
