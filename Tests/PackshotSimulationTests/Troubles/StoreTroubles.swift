import PackshotJobs
import PackshotTestSupport

/// Networks, servers, their clocks and the queue's data.
extension Trouble {
    /// A worker is cut off from a store, on one connection or on all.
    static let cutLink = Trouble("cut-link", weight: 8) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        let pair = world.random.pick([[0, 1, 2, 3], [4, 5, 6], [0, 1, 2, 3, 4, 5, 6]] + (0..<7).map { [$0] }) ?? []
        let links = pair.map { worker.links[$0] }
        world.happen("cut-link", "\(worker.id) \(pair)")
        for link in links { link.isCut = true }
        try await world.simulator.sleep(
            world.simulator.network, world.random.time(.seconds(1)...VirtualTime(world.settings.lease) * 3))
        world.note(worker.id.rawValue, "is connected again \(pair)")
        for link in links { link.isCut = false }
    }

    static let ledgerOutage = Trouble("ledger-outage", weight: 2) {
        try await $0.outage("ledger-outage", $0.ledgerServer)
    }
    /// The ledger cannot be reached for longer than a lease, or than a sampler may make no step, and its server is not started
    /// anew: a network, a storage that stalls, a pooler.
    static let longLedgerOutage = Trouble("long-ledger-outage", weight: 1) { world in
        let lease = VirtualTime(world.settings.lease)
        try await world.outage(
            "long-ledger-outage", world.ledgerServer, for: lease...max(lease * 3, world.settings.stepTimeout * 3 / 2))
    }
    static let queueOutage = Trouble("queue-outage", weight: 2) { try await $0.outage("queue-outage", $0.queueServer) }

    /// The store has done it, and its client does not hear of it.
    static let lostAnswers = Trouble(nature: "lost-answers")
    /// Requests that arrive long after their client stopped waiting.
    static let lateRequests = Trouble(nature: "late-requests")
    /// A store that takes nothing for the moment.
    static let refusals = Trouble(nature: "refusals")

    /// The queue's data is gone.
    static let wipe = Trouble("wipe", weight: 2) { world in
        world.happen("wipe", "queue")
        world.queue.wipe()
    }

    /// The queue's server starts anew with its data of some seconds ago.
    static let loseTail = Trouble("lose-tail", weight: 2) { world in
        guard let copy = world.random.pick(world.queue.copies) else { return }
        world.happen("lose-tail", "queue")
        world.queue.content = copy
        world.queue.life += 1
    }

    /// A replica that lags takes over, and nothing tells that it is another server.
    static let restoreOld = Trouble("restore-old", weight: 1) { world in
        guard let copy = world.random.pick(world.queue.copies) else { return }
        world.happen("restore-old", "queue")
        world.queue.content = copy
    }

    /// Entries are there twice, of whatever job.
    static let duplicate = Trouble("duplicate", weight: 3) { world in
        guard let job = world.random.pick(world.memory.jobs) else { return }
        world.happen("duplicate", "job \(job.id)")
        let lane = QueueLane(model: world.modelRecord.fingerprint, priority: world.random.within(0...9))
        world.queue.content.dispatch([DispatchEntry(job: job.id, lane: lane, notBefore: nil)])
        world.queue.arrivals.signal()
    }

    /// What one worker holds is delivered to another, or to itself again.
    static let deliverTwice = Trouble("deliver-twice", weight: 3) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        let taken = world.queue.content.takeOver(
            model: world.modelRecord.fingerprint, by: worker.id, idleFor: .seconds(-3600),
            limit: world.random.within(1...3), now: world.queueServer.clock.date)
        world.happen("deliver-twice", "\(taken.map(\.job)) to \(worker.id)")
        worker.queue.deliverAgain(taken)
    }

    static let ledgerClock = Trouble("ledger-clock", weight: 2) { $0.jump($0.ledgerServer.clock, "ledger-clock") }
    static let queueClock = Trouble("queue-clock", weight: 2) { $0.jump($0.queueServer.clock, "queue-clock") }

    /// Workers whose clocks run at another rate and jump ahead, as when their machine was asleep.
    static let workerClocks = Trouble("worker-clocks", weight: 2) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        let time = world.random.time(0...(.seconds(30)))
        world.happen("worker-clocks", "\(worker.id) ahead by \(time.inSeconds) s")
        worker.clock.jump(time)
    }

    /// Writes that fail, and a disk that is full.
    static let disk = Trouble(nature: "disk")
}

extension World {
    /// How far a store's clock may jump back at once.
    static let largestJump: VirtualTime = .seconds(20)

    fileprivate func outage(
        _ name: String, _ server: Server, for time: ClosedRange<VirtualTime> = .milliseconds(300)...(.seconds(25))
    ) async throws {
        guard server.isUp else { return }
        happen(name, "begins")
        server.isUp = false
        if server === queueServer {
            queue.arrivals.signal()
            if random.once(in: 2) { queue.life += 1 }
        }
        try await simulator.sleep(simulator.network, random.time(time))
        note(server.store.rawValue, "is back")
        server.isUp = true
    }

    fileprivate func jump(_ clock: StoreClock, _ name: String) {
        let time = random.time(0...Self.largestJump) * (random.once(in: 2) ? 1 : -1)
        happen(name, "by \(time / 1_000) ms")
        clock.jump(time)
    }
}
