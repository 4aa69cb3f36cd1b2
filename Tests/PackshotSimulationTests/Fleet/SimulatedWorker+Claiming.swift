import PackshotJobs
import PackshotTestSupport

/// After `Sources/PackshotWorker/GenerationLoop.swift`, method by method.
extension SimulatedWorker {
    // MARK: Claim and prepare

    func claimLoop() async throws {
        defer { prepared.finish() }
        var backoff = SimulatedBackoff()
        while true {
            while !gate.isOpen { try await world.simulator.wait(process, until: nil, on: gate.opened) }
            try await waitUntilWritable()
            if isStopping { return }
            do {
                for attempt in try await claim() {
                    guard !isStopping else {
                        try await handBack(attempt, reason: "worker stopping")
                        continue
                    }
                    if let job = try await prepare(attempt) { try await prepared.send(job) }
                }
                backoff = SimulatedBackoff()
            } catch is StoreError {
                try await backoff.wait(process, world)
            }
        }
    }

    private func claim() async throws -> [HeldAttempt] {
        var deliveries = inbox
        inbox = []
        if deliveries.isEmpty {
            deliveries = try await queue.claim(
                limit: gate.batchSize, wait: world.isDraining ? .milliseconds(250) : .seconds(5))
        }
        guard !deliveries.isEmpty else {
            if world.isDraining, try await !ledger.hasUnfinishedJobs() { stop() }
            return []
        }
        return try await confirm(deliveries)
    }

    private func confirm(_ deliveries: [Delivery]) async throws -> [HeldAttempt] {
        var backoff = SimulatedBackoff()
        while true {
            do {
                let claimedAt = timeline.now
                let holding = Set(inHand.map(\.job.attempt))
                let jobs = try await ledger.confirm(deliveries.map(\.job), by: id)
                var byJob = Dictionary(jobs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
                var held: [HeldAttempt] = []
                var refused: [Delivery] = []
                for delivery in deliveries {
                    guard let job = byJob.removeValue(forKey: delivery.job), !isOurs(job.attempt, holding) else {
                        refused.append(delivery)
                        continue
                    }
                    let attempt = HeldAttempt(job, delivery, claimedAt: claimedAt, now: world.simulator.now)
                    inHand.append(attempt)
                    held.append(attempt)
                }
                if !refused.isEmpty {
                    do { try await queue.acknowledge(refused) } catch is StoreError {}
                }
                return held
            } catch let error as StoreError where error.isTransient && !isStopping {
                try await backoff.wait(process, world)
            }
        }
    }

    /// A job the worker holds is given to it again when its entry is delivered twice. It is being worked on, or was when
    /// the question was asked and has been settled since.
    private func isOurs(_ attempt: AttemptID, _ holding: Set<AttemptID>) -> Bool {
        if world.sabotage?.worker == .worksTwiceOnWhatItHolds { return false }
        let isOurs = holding.contains(attempt)
        if isOurs { world.counts["own job delivered again"] += 1 }
        return isOurs
    }

    private func prepare(_ attempt: HeldAttempt) async throws -> PreparedAttempt? {
        try await world.step(process, "embedded a prompt", "of job \(attempt.job.id)")
        if World.isBadPrompt(attempt.job.spec.prompt) {
            try await end(attempt, .failed(code: "bad_prompt", isPermanent: true))
            return nil
        }
        return PreparedAttempt(attempt)
    }

    // MARK: Sample

    func sampleLoop() async throws {
        while let job = try await prepared.next() {
            if isStopping {
                try await handBack(job.held, reason: "worker stopping")
                continue
            }
            gate.jobBegan()
            let failure = try await sample(job.held)
            gate.jobEnded(isMade: failure == nil)
            while slotsTaken >= max(4, gate.batchSize) {
                try await world.simulator.wait(process, until: nil, on: slotFreed)
            }
            slotsTaken += 1
            start { [self] in
                try await finish(job.held, failure)
                slotsTaken -= 1
                slotFreed.signal()
            }
        }
    }

    /// - Returns: Why there is no image, or nil.
    private func sample(_ attempt: HeldAttempt) async throws -> AttemptError? {
        let job = attempt.job
        do {
            try attempt.check()
            try beginExecution(of: job.attempt)
            attempt.isSampling = true
            defer { attempt.isSampling = false }
            attempt.lastProgress = world.simulator.now
            let time = world.random.time(world.settings.pace / 2...world.settings.pace * 3 / 2)
            let hangsAt = world.has(.hangs) && world.random.once(in: 12) ? world.random.within(1...job.spec.steps) : nil
            for step in 1...job.spec.steps {
                try await world.simulator.sleep(process, time / VirtualTime(job.spec.steps))
                world.counts.operations += 1
                if step == hangsAt {
                    world.counts["sampler hung"] += 1
                    try await world.simulator.wait(process, until: nil)
                }
                if World.isPoison(job.spec.prompt) {
                    world.counts["killed by poison"] += 1
                    process.kill()
                    throw Ended()
                }
                attempt.lastProgress = world.simulator.now
                attempt.step = step
                try attempt.check()
                try checkSpending(of: attempt)
                gate.jobAdvanced(step: step, of: job.spec.steps)
            }
            if world.has(.failures), world.random.once(in: 8) {
                throw AttemptError.failed(code: "generation_failed", isPermanent: false)
            }
            world.note(process.name, "sampled job \(job.id) as attempt \(job.attempt)")
            return nil
        } catch let error as AttemptError {
            return error
        }
    }

    private func checkSpending(of attempt: HeldAttempt) throws {
        guard let limit = attempt.job.spendingLimit else { return }
        if world.rateCard.price(fromMicroseconds: attempt.claimedAt, to: timeline.now) >= limit {
            world.counts["stopped over budget"] += 1
            throw AttemptError.failed(code: "over_budget", isPermanent: false)
        }
    }

    /// One attempt is worked on once.
    private func beginExecution(of attempt: AttemptID) throws {
        guard world.executing.insert(attempt).inserted else {
            world.violate("\(id) works twice on attempt \(attempt)")
            throw Ended()
        }
    }
}
