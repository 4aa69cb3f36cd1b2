import PackshotJobs

/// A worker, action by action as `Sources/PackshotWorker` has it:
///
/// | here | there |
/// |---|---|
/// | ``run()``, ``endGrace()`` | `WorkerService.run`, `.endGrace` |
/// | `SimulatedWorker+Claiming.swift` | `GenerationLoop` with `LookaheadGate`; its mailboxes pass on one job at a time here |
/// | `SimulatedWorker+Finishing.swift` | `AttemptFinisher`, `ImageFileStore.place`, `StorageHealth` |
/// | `SimulatedSettlementWriter.swift` | `SettlementWriter` |
/// | `SimulatedWorker+Chores.swift` | `HeartbeatLoop`, `JanitorLoop`; `Reconciler` and `Dispatcher` are in `SimulatedDispatcher.swift` |
/// | ``timeline`` | `WorkerTimeline` |
///
/// Each request to a store and each step of a file or a sampler is one wait, and at each wait the process can die, stand
/// still, or find out that somebody else was faster. What the real one computes (texts, pixels, PNGs) takes time here and
/// nothing else.
final class SimulatedWorker {
    let world: World
    let id: WorkerID
    let process: SimulatedProcess
    let ledger: LedgerClient
    let settlementLedger: LedgerClient
    let heartbeatLedger: LedgerClient
    let queue: QueueClient
    let heartbeatQueue: QueueClient
    let timeline: SimulatedTimeline
    let settlements: SimulatedSettlementWriter

    // StopSignal.
    private(set) var isStopping = false
    let stopped = Condition()
    // AttemptsInHand.
    var inHand: [HeldAttempt] = []
    // DeliveryInbox.
    var inbox: [Delivery] = []
    var gate: SimulatedGate
    let prepared: SimulatedChannel
    var slotsTaken = 0
    let slotFreed = Condition()
    /// The disk was found full.
    var isDiskFull = false

    /// When it was ready for work.
    private(set) var readyAt: VirtualTime?
    private var tasks = 0
    private let taskEnded = Condition()
    private(set) var areChoresOver = false
    let choresOver = Condition()
    /// A person did something that workers should hear of at once.
    let signalled = Condition()

    init(_ world: World, number: Int) {
        self.world = world
        id = WorkerID(rawValue: "w\(number)")
        process = world.simulator.process("w\(number)")
        ledger = LedgerClient(world: world, process: process)
        settlementLedger = LedgerClient(world: world, process: process)
        heartbeatLedger = LedgerClient(world: world, process: process)
        queue = QueueClient(world: world, process: process, worker: id)
        heartbeatQueue = QueueClient(world: world, process: process, worker: id)
        timeline = SimulatedTimeline(world)
        settlements = SimulatedSettlementWriter(world, process, settlementLedger, queue)
        gate = SimulatedGate(world)
        prepared = SimulatedChannel(world, process)
    }

    var links: [Link] {
        [ledger.link, settlementLedger.link, heartbeatLedger.link, queue.link, heartbeatQueue.link]
    }

    /// From registration to a clean end.
    func run() async throws {
        do {
            try await ledger.register(
                WorkerRegistration(
                    id: id, host: "host", processID: 1, version: "0", threads: 1, kernelClass: "simulated",
                    model: world.modelRecord,
                    rateCard: world.rateCard))
        } catch is StoreError {
            return process.kill()
        }
        readyAt = world.simulator.now
        start { [self] in try await heartbeatLoop() }
        start { [self] in try await janitorLoop() }
        start { [self] in try await endGrace() }
        let chores = tasks
        start { [self] in try await claimLoop() }
        try await sampleLoop()
        while tasks > chores { try await world.simulator.wait(process, until: nil, on: taskEnded) }
        areChoresOver = true
        choresOver.signal()
        signalled.signal()
        while tasks > 0 { try await world.simulator.wait(process, until: nil, on: taskEnded) }
        try await settlements.finish()
        do { try await ledger.deregister(id, uptime: timeline.now) } catch is StoreError {}
        do { try await queue.forget() } catch is StoreError {}
        world.counts["worker ended by itself"] += 1
        world.checkGivenBack(by: id)
        world.note(process.name, "ends")
        process.kill()
    }

    /// Starts a task that belongs to the run.
    func start(_ body: @escaping () async throws -> Void) {
        tasks += 1
        world.spawn { [self] in
            try await body()
            tasks -= 1
            taskEnded.signal()
        }
    }

    /// SIGTERM, a request to drain, or nothing left to do.
    func stop() {
        guard !isStopping, process.isAlive else { return }
        isStopping = true
        stopped.signal()
        gate.openForGood()
        queue.interrupt()
    }

    private func endGrace() async throws {
        while !isStopping, !areChoresOver {
            try await world.simulator.wait(process, until: world.simulator.now + .seconds(60), on: stopped)
        }
        let end = world.simulator.now + world.settings.grace
        while !areChoresOver, world.simulator.now < end {
            try await world.simulator.wait(process, until: end, on: choresOver)
        }
        if areChoresOver { return }
        for attempt in inHand { attempt.stop(.shutdown) }
        settlements.giveUp(forGood: world.sabotage?.worker == .refusesHandBacksAfterGrace)
    }
}

/// A confirmed claim: the job, the queue's entry, and the means to stop it (`HeldAttempt` and `AttemptControl`).
final class HeldAttempt {
    enum StopReason { case cancelled, lost, shutdown }

    let job: ClaimedJob
    let delivery: Delivery
    /// On the worker's time line.
    let claimedAt: VirtualTime
    private(set) var stopReason: StopReason?
    var step = 0
    var lastProgress: VirtualTime
    var isSampling = false

    init(_ job: ClaimedJob, _ delivery: Delivery, claimedAt: VirtualTime, now: VirtualTime) {
        self.job = job
        self.delivery = delivery
        self.claimedAt = claimedAt
        lastProgress = now
    }

    /// The first reason stays.
    func stop(_ reason: StopReason) { stopReason = stopReason ?? reason }

    func check() throws {
        if let stopReason { throw AttemptError.stopped(stopReason) }
    }
}

/// Why an attempt has no image.
enum AttemptError: Error {
    case stopped(HeldAttempt.StopReason)
    case failed(code: String, isPermanent: Bool)
    case diskFull
}

/// A worker's own clock, which may run fast or slow or jump ahead, and what was charged of it.
final class SimulatedTimeline {
    private let world: World
    private let start: VirtualTime
    private let rate: Double
    private var jumped: VirtualTime = 0
    private var chargedUntil: VirtualTime = 0

    init(_ world: World) {
        self.world = world
        start = world.simulator.now
        rate = world.has(.workerClocks) ? 0.5 + world.random.unit() : 1
    }

    var now: VirtualTime { VirtualTime(Double(world.simulator.now - start) * rate) + jumped }

    func jump(_ time: VirtualTime) { jumped += time }

    func charge(claimedAt: VirtualTime) -> (from: VirtualTime, to: VirtualTime) {
        let to = max(chargedUntil, now)
        if world.sabotage?.worker == .chargesFromTheClaim {
            chargedUntil = to
            return (min(claimedAt, to), to)
        }
        let from = min(max(chargedUntil, claimedAt), to)
        chargedUntil = to
        return (from, to)
    }
}
