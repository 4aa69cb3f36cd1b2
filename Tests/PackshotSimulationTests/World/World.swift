import Foundation
import PackshotJobs
import PackshotTestSupport
import Synchronization

/// Everything there is in one simulation: the stores, the network, the folder, those who work, and the model that watches.
///
/// `@unchecked Sendable`: it is only touched on the simulation's one thread (``SimulationExecutor``).
final class World: @unchecked Sendable {
    let scenario: Scenario
    let settings: Settings
    let sabotage: Sabotage?
    let simulator = Simulator()
    var random: SeededGenerator

    let memory: MemoryLedger
    /// What everybody talks to: ``memory``, or a saboteur in front of it.
    let ledger: any JobLedger & BatchLedger
    let ledgerServer = Server(.postgres)
    let queue: QueueServer
    let queueServer = Server(.redis)
    let folder = OutputFolder()
    let modelRecord = ModelRecord(
        fingerprint: ModelFingerprint(rawValue: String(repeating: "5", count: 64)), name: "simulated", path: "/model",
        pipelineClass: "Simulated", parameterCount: 1, byteCount: 1)

    let rateCard = RateCard(name: "default", perHour: MicroDollars(rawValue: 777_777))

    var model: ReferenceModel
    var workers: [SimulatedWorker] = []
    var producers: [SimulatedProducer] = []
    var submitted: [(batch: NewBatch, jobs: [PlannedJob])] = []
    let person: SimulatedProcess
    /// True until everything is repaired and nothing new goes wrong.
    private(set) var isTroubled = true
    /// Workers are to end by themselves once nothing is left to do.
    var isDraining: Bool
    var counts = Counts()
    /// The first thing that was not as it should be.
    private(set) var violation: String?
    var trace: Trace?
    /// Attempts that have been in a sampler and were not given up.
    var executing: Set<AttemptID> = []
    private(set) var repairedAt: VirtualTime?
    private var comparisons = 0

    init(_ scenario: Scenario, sabotage: Sabotage? = nil, isTraced: Bool = false) {
        self.scenario = scenario
        self.sabotage = sabotage
        random = SeededGenerator(seed: scenario.seed)
        settings = Settings(&random)
        isDraining = settings.drains
        let clock = ledgerServer.clock
        memory = MemoryLedger(now: { clock.date })
        model = ReferenceModel(startedAt: clock.date)
        if let rule = sabotage?.ledger {
            ledger = SaboteurLedger(rule: rule, ledger: memory, clock: clock)
        } else {
            ledger = memory
        }
        queue = QueueServer(clock: queueServer.clock, sabotage: sabotage?.queue)
        person = simulator.process("person")
        trace = isTraced ? Trace() : nil
    }

    func has(_ trouble: Trouble) -> Bool { isTroubled && scenario.troubles.contains(trouble.name) }

    var livingWorkers: [SimulatedWorker] { workers.filter(\.process.isAlive) }

    var queueDepth: Int {
        let depth = queue.content.depth(model: modelRecord.fingerprint)
        return depth.ready + depth.pending + depth.delayed
    }

    /// How late a lost job may be rescued at this moment; nil if nobody was there to do it or something was in the way.
    ///
    /// What is promised, in numbers of its own and not those the janitors go by.
    var rescueLimit: VirtualTime? {
        // The lead's pause, the time it keeps the lead when it dies then, and another's asking; and the calls between,
        // some forty of them when it reconciles.
        let limit = .milliseconds(550 + 1_250 + 100) + 80 * settings.latency.upperBound
        if !scenario.troubles.isDisjoint(with: Self.inTheWayOfRescues) {
            // A janitor may still have been waiting for an answer.
            guard let repairedAt, simulator.now - repairedAt > settings.timeout + 2 * limit else { return nil }
        }
        let someoneWasThere = workers.contains { worker in
            worker.process.isAlive && !worker.isStopping
                && worker.process.readyAt.map { simulator.now - $0 > limit } ?? false
        }
        return someoneWasThere ? limit : nil
    }

    /// What a worker gave back can be delivered when it leaves, if nothing was in the way, and not only after a lease.
    func checkGivenBack(by worker: WorkerID) {
        guard scenario.troubles.isSubset(of: Self.harmless), sabotage?.queue != .forgetsEntries else { return }
        let deliverable = queue.deliverable(model: modelRecord.fingerprint, without: worker)
        check {
            for (id, job) in model.jobs
            where job.state == .available && !model.isPaused(job) && !deliverable.contains(id) {
                guard let attempt = job.fence.flatMap({ model.attempts[$0] }), attempt.worker == worker else {
                    continue
                }
                throw Disagreement("\(worker) gave job \(id) back to nobody")
            }
        }
    }

    /// What must cost no attempt, no money and no image.
    static let harmless = Set(
        [
            Trouble.stop, .scheduledJobs, .duplicate, .resubmit, .drainWorker, .pauseBatch,
        ].map(\.name))

    private static let inTheWayOfRescues = Set(
        [
            Trouble.freeze, .freezeAll, .cutLink, .ledgerOutage, .longLedgerOutage, .queueOutage, .lostAnswers,
            .lateRequests, .refusals, .ledgerClock,
        ].map(\.name))

    /// A person asks something of the ledger, and does not insist.
    func ask(_ request: (LedgerClient) async throws -> Void) async throws {
        do { try await request(LedgerClient(world: self, process: person)) } catch is StoreError {}
    }

    /// Workers hear that a person did something, as far as they can be reached.
    func signalWorkers() {
        for worker in workers where !worker.heartbeatLedger.link.isCut { worker.heartbeatLedger.signalled.signal() }
    }

    /// Everything works again, and nothing new goes wrong.
    func repair() {
        note("-", "no more troubles")
        isTroubled = false
        repairedAt = simulator.now
        // Who drains leaves when the jobs are done, and may leave entries of dead workers in the queue.
        isDraining = false
        ledgerServer.isUp = true
        queueServer.isUp = true
        for worker in workers {
            worker.process.thaw()
            for link in worker.links { link.isCut = false }
        }
        // Nothing is held back any more; repeated, because a late request may still hold back something.
        spawn { [self] in
            for _ in 0..<4 {
                try await ask { try await $0.setLimits(ModelLimits()) }
                for batch in model.batches.keys.sorted() {
                    try await ask { try await $0.setBudget(batch, nil) }
                    try await ask { try await $0.setPaused(batch, false) }
                }
                try await simulator.sleep(person, .seconds(10))
            }
        }
    }

    /// Records that a trouble happens.
    func happen(_ trouble: String, _ detail: @autoclosure () -> String) {
        counts.operations += 1
        counts[trouble] += 1
        note("*", "\(trouble): \(detail())")
    }

    /// Starts a task. When its process dies, it ends at its next wait.
    @discardableResult
    func spawn(_ body: @escaping () async throws -> Void) -> Task<Void, Never> {
        simulator.spawn(body) { [unowned self] in
            if !($0 is CancellationError) { violate("a task ended with \($0)") }
        }
    }

    func note(_ who: String, _ what: @autoclosure () -> String) {
        trace?.add("\(simulator.now.inSeconds) \(who): \(what())")
    }

    /// Records what is wrong and ends the simulation.
    func violate(_ what: String) {
        if violation == nil {
            violation = what
            note("!", what)
        }
        simulator.finish()
    }

    /// Lets the model judge an operation, then compares it with the ledger if something changed, and now and then anyway.
    func check(_ body: () throws -> Void) {
        guard violation == nil else { return }
        do {
            try body()
            comparisons += 1
            if model.isDirty || comparisons % 64 == 0 { try compare() }
        } catch {
            violate("\(error)")
        }
    }

    func compare() throws {
        model.isDirty = false
        try model.compare(with: memory, folder)
        if comparisons % 16 == 0 { _ = try ReferenceModel.account(memory) }
    }

    /// A moment at which a process may die, between two of its actions that nothing else divides.
    func step(_ process: SimulatedProcess, _ action: String, _ detail: @autoclosure () -> String = "") async throws {
        counts.operations += 1
        try await simulator.sleep(process, random.time(0...(.milliseconds(3))))
        note(process.name, "\(action) \(detail())")
        try dieSometimes(process, "after it \(action)")
    }

    /// Kills a process here, rarely, if that is among the troubles.
    func dieSometimes(_ process: SimulatedProcess, _ place: @autoclosure () -> String, once odds: Int = 120) throws {
        guard has(.failpoints), process !== person, random.once(in: odds) else { return }
        let place = place()
        note(process.name, "dies \(place)")
        counts["died \(place)"] += 1
        process.kill()
        throw Ended()
    }
}

/// A server's clock, in the time of the simulation but for what it is off by.
final class StoreClock: Sendable {
    private let now = Atomic<Int64>(0)
    private let offset = Atomic<Int64>(0)

    var date: Date { date(plus: 0) }

    func date(plus time: VirtualTime) -> Date {
        let time = now.load(ordering: .relaxed) + offset.load(ordering: .relaxed) + time
        return Date(timeIntervalSinceReferenceDate: 800_000_000 + Double(time) / 1e6)
    }

    func set(_ time: VirtualTime) { now.store(time, ordering: .relaxed) }

    func jump(_ time: VirtualTime) { offset.add(time, ordering: .relaxed) }
}

/// The last things that happened.
struct Trace {
    private(set) var lines: [String] = []

    mutating func add(_ line: String) {
        if lines.count >= 4_000 { lines.removeFirst(2_000) }
        lines.append(line)
    }
}

/// How often what happened.
struct Counts {
    /// Requests carried out by a store, steps of files and samplers, and events of troubles.
    var operations = 0
    private(set) var events: [String: Int] = [:]

    subscript(_ event: String) -> Int {
        get { events[event] ?? 0 }
        set { events[event] = newValue }
    }

    mutating func add(_ other: Counts) {
        operations += other.operations
        events.merge(other.events, uniquingKeysWith: +)
    }
}
