import PackshotJobs
import PackshotTestSupport

/// After `Sources/PackshotWorker/HeartbeatLoop.swift` and `JanitorLoop.swift`.
extension SimulatedWorker {
    // MARK: Heartbeats

    func heartbeatLoop() async throws {
        while !areChoresOver {
            try await beat()
            let next = world.simulator.now + VirtualTime(world.settings.lease) / 5
            if !areChoresOver { try await world.simulator.wait(process, until: next, on: signalled) }
        }
    }

    private func beat() async throws {
        let held = inHand
        let now = world.simulator.now
        let counts = { (attempt: HeldAttempt) in
            attempt.isSampling || self.world.sabotage?.worker == .takesWaitingForHanging
        }
        if let hung = held.first(where: { counts($0) && now - $0.lastProgress > world.settings.stepTimeout }) {
            if !hung.isSampling {
                world.violate("\(id) ends itself for job \(hung.job.id), which is not in the sampler")
            }
            world.counts["ended itself, the sampler hung"] += 1
            world.note(process.name, "ends itself: the sampler hangs on job \(hung.job.id)")
            process.kill()
            throw Ended()
        }
        do {
            let reply = try await heartbeatLedger.heartbeat(
                id,
                held.map {
                    AttemptProgress(
                        job: $0.job.id, attempt: $0.job.attempt, step: $0.step, steps: $0.job.spec.steps)
                }, uptime: timeline.now)
            for attempt in held {
                if reply.lost.contains(attempt.job.attempt) { attempt.stop(.lost) }
                if reply.cancelled.contains(attempt.job.attempt) { attempt.stop(.cancelled) }
            }
            if reply.shouldDrain { stop() }
        } catch is StoreError {}
        do { try await heartbeatQueue.renew(held.map(\.delivery)) } catch is StoreError {}
    }

    // MARK: Chores

    func janitorLoop() async throws {
        var untilReconcile = 0
        var epoch: String?
        var grace = Duration.zero
        while !areChoresOver {
            var pause = world.random.time(ChorePace.pauses)
            do {
                if let busy = try await queue.lead(for: ChorePace.leadTime) {
                    try await self.pause(busy + world.random.time(ChorePace.askingAgain))
                    continue
                }
                if let next = try await queue.promoteDue(limit: 5_000) {
                    pause = max(.milliseconds(5), min(pause, next))
                }
                if world.sabotage?.worker != .neverRescues {
                    try await queue.dispatch(ledger.rescueExpired(limit: 256))
                }
                try await queue.dispatch(ledger.releaseDue(overdue: ChorePace.delayGrace, limit: 5_000))
                let idle = try await queue.takeOver(idleFor: world.settings.lease, limit: 64)
                if !idle.isEmpty {
                    inbox += idle
                    queue.interrupt()
                }
                let present = try await queue.epoch()
                if let epoch, epoch != present {
                    untilReconcile = 0
                    grace = .zero
                }
                if untilReconcile <= 0, world.sabotage?.worker != .neverReconciles {
                    try await SimulatedDispatcher(world: world, ledger: ledger, queue: queue).reconcile(grace: grace)
                    untilReconcile = ChorePace.reconcilePasses
                    epoch = present
                    grace = ChorePace.reconcileGrace
                }
                untilReconcile -= 1
            } catch is StoreError {}
            try await self.pause(pause)
        }
    }

    /// Sleeps, but not past the end of the worker.
    private func pause(_ time: VirtualTime) async throws {
        guard !areChoresOver else { return }
        try await world.simulator.wait(process, until: world.simulator.now + time, on: choresOver)
    }
}
