import PackshotJobs

/// The ledger over one connection, with the model watching what it does.
struct LedgerClient: JobLedger, BatchLedger {
    /// So many rows are in an answer at most, so that there is a middle to die in.
    private static let most = 4

    let world: World
    let process: SimulatedProcess
    let link = Link()
    /// A person did something that workers should hear of at once.
    let signalled = Condition()

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
        process.readyAt = world.simulator.now
    }

    func deregister(_ worker: WorkerID, uptime: Int64) async throws {
        try await call("deregister") {
            try await world.ledger.deregister(worker, uptime: uptime)
            world.model.deregistered(worker, at: world.ledgerServer.clock.date)
        }
    }

    func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        try await call("confirm \(jobs)") {
            let answer = try await world.ledger.confirm(jobs, by: worker, lease: lease)
            world.check {
                try world.model.confirmed(
                    jobs, by: worker, lease: lease, at: world.ledgerServer.clock.date, answer, world.memory)
            }
            return answer
        }
    }

    func waitForSignal(_ timeout: Duration) async throws {
        guard world.ledgerServer.isUp, !link.isCut else { throw StoreError(.postgres, .unreachable, "no connection") }
        try await world.simulator.waitUnlessCancelled(
            process, until: world.simulator.now + VirtualTime(timeout), on: signalled)
    }

    func heartbeat(
        _ worker: WorkerID, progress: [AttemptProgress], uptime: Int64, lease: Duration
    ) async throws -> HeartbeatReply {
        try await call("heartbeat \(progress.map(\.attempt))") {
            let answer = try await world.ledger.heartbeat(worker, progress: progress, uptime: uptime, lease: lease)
            world.check {
                try world.model.heartbeat(of: worker, progress, lease: lease, at: world.ledgerServer.clock.date, answer)
            }
            return answer
        }
    }

    func reserve(_ request: SpendingRequest, for attempt: AttemptID) async throws -> MicroDollars? {
        try await call("reserve \(request.wanted) for attempt \(attempt)") {
            let answer = try await world.ledger.reserve(request, for: attempt)
            if answer != nil { world.check { try world.model.reserved(for: attempt, world.memory) } }
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

    func whileHeld(
        _ job: JobID, by attempt: AttemptID, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> Bool {
        try await call("while \(attempt) holds \(job)") {
            try await world.simulator.sleep(process, 0)
            return try await world.ledger.whileHeld(job, by: attempt, body)
        }
    }

    func whileGivenUp(
        _ job: JobID, _ body: @escaping @Sendable (ImageSource) throws -> Void
    ) async throws -> Bool {
        try await call("while given up \(job)") {
            // What is done while the row is locked is done by the process itself.
            try await world.simulator.sleep(process, 0)
            let answer = try await world.ledger.whileGivenUp(job, body)
            world.check {
                let isGivenUp = [.cancelled, .discarded].contains(world.model.jobs[job]?.state)
                try expect(answer == isGivenUp, "whether job \(job) is given up")
            }
            return answer
        }
    }

    func hasUnfinishedJobs(model: ModelFingerprint) async throws -> Bool {
        try await call("unfinished?") {
            let answer = try await world.ledger.hasUnfinishedJobs(model: model)
            world.check { try expect(answer == world.model.hasUnfinishedJobs, "whether there are unfinished jobs") }
            return answer
        }
    }

    // MARK: Chores

    func rescueExpired(limit: Int) async throws -> RescuedJobs {
        try await call("rescue") {
            let answer = try await world.ledger.rescueExpired(limit: limit)
            world.check {
                let overdue = try world.model.rescued(at: world.ledgerServer.clock.date, answer.available)
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

    func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry] {
        try await call("owed after \(after?.rawValue ?? 0)") { [limit = min(limit, Self.most)] in
            let answer = try await world.ledger.owedJobs(model: model, after: after, grace: grace, limit: limit)
            world.check {
                try world.model.owed(
                    after: after, grace: grace, limit: limit, at: world.ledgerServer.clock.date, answer)
            }
            return answer
        }
    }

    // MARK: Producers

    func submit(_ batch: NewBatch, chunks: () throws -> [PlannedJob]?) async throws -> Submission {
        var all: [PlannedJob] = []
        while let chunk = try chunks() { all += chunk }
        return try await call("submit \(all.count) jobs to \(batch.name)") { [jobs = all] in
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
        try await call("undispatched of \(batch)") { [limit = min(limit, Self.most)] in
            let answer = try await world.ledger.undispatched(batch, limit: limit)
            world.check { try world.model.undispatched(batch, limit: limit, answer) }
            return answer
        }
    }

    func markDispatched(_ batch: BatchID, through job: JobID) async throws {
        try world.dieSometimes(process, "between dispatching and marking")
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
            case .overBudget: "over budget"
            case .cancelled: "cancelled"
            }
        return "job \(job) attempt \(attempt) \(what) \(busyFrom)..\(busyTo)"
    }
}
