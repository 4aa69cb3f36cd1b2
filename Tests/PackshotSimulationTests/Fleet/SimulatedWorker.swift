import Logging
import PackshotJobs
import PackshotWorker

/// The shipped `WorkerService`, on a machine of the simulation: its time, its chance, its files and its stores are the
/// simulation's, and at each wait it can die, stand still, or find out that somebody else was faster.
///
/// A process that has died is a cancelled task, all of whose requests, waits and files fail at once: whatever its code still
/// does has no effect.
final class SimulatedWorker: @unchecked Sendable {
    let world: World
    let id: WorkerID
    let process: SimulatedProcess
    let clock: SimulatedClock
    let queue: QueueClient
    let heartbeatLedger: LedgerClient
    /// All its connections: four to the ledger, three to the queue's server.
    let links: [Link]
    private let service: WorkerService

    init(_ world: World, number: Int) {
        let id = WorkerID(rawValue: "w\(number)")
        let process = world.simulator.process("w\(number)")
        self.world = world
        self.id = id
        self.process = process
        clock = SimulatedClock(world, process)
        heartbeatLedger = LedgerClient(world: world, process: process)
        queue = QueueClient(world: world, process: process)
        let claimLedger = LedgerClient(world: world, process: process)
        let settlementLedger = LedgerClient(world: world, process: process)
        let choreLedger = LedgerClient(world: world, process: process)
        let heartbeatQueue = QueueClient(world: world, process: process)
        let embeddings = EmbeddingClient(world: world, process: process)
        links = [
            claimLedger.link, settlementLedger.link, heartbeatLedger.link, choreLedger.link, queue.link,
            heartbeatQueue.link,
            embeddings.link,
        ]
        var configuration = WorkerConfiguration(
            id: id, host: "host", processID: 1, version: "0", rateCard: world.rateCard, outputRoot: nil)
        configuration.lease = world.settings.lease
        configuration.grace = Duration(world.settings.grace)
        configuration.stepTimeout = Duration(world.settings.stepTimeout)
        configuration.drains = world.isDraining
        let handler: any LogHandler =
            world.trace == nil ? SwiftLogNoOpLogHandler() : TraceLog(world: world, process: process)
        let logger = Logger(label: "worker") { _ in handler }
        let sampler = SimulatedSampler(world, process, id)
        let executor = world.simulator.executor
        service = WorkerService(
            configuration: configuration, generator: sampler,
            stores: WorkerStores(
                claimThread: executor, ledger: claimLedger, queue: queue, settlementLedger: settlementLedger,
                choreLedger: choreLedger, heartbeatLedger: heartbeatLedger, heartbeatQueue: heartbeatQueue,
                embeddings: EmbeddingCache(
                    memoryBytes: 64, store: embeddings, holder: id.rawValue, clock: clock, logger: logger)),
            environment: WorkerEnvironment(
                clock: clock, random: { world.random.unit() },
                threads: .init(encoder: executor, sampler: executor, files: executor),
                files: FolderClient(world: world, process: process),
                endProcess: { _ in sampler.endProcess() }),
            logger: logger)
    }

    var isStopping: Bool { service.isStopping }

    /// From registration to a clean end, or to its death.
    func start() {
        let task = world.spawn { [self] in
            do { try await service.run() } catch is StoreError {
                return process.kill()
            }
            guard process.isAlive else { return }
            world.counts["worker ended by itself"] += 1
            world.checkGivenBack(by: id)
            world.note(process.name, "ends")
            process.whenDead = nil
            process.kill()
        }
        process.whenDead = { task.cancel() }
    }

    /// SIGTERM. A process that stands still hears of it when it goes on.
    func stop() {
        world.spawn { [self] in
            try await world.simulator.sleep(process, 0)
            service.stop()
        }
    }
}

/// The clock of a worker's machine, which may run fast or slow, and jump ahead as when the machine was asleep.
final class SimulatedClock: WorkerClock, @unchecked Sendable {
    private let world: World
    private let process: SimulatedProcess
    private let rate: Double
    private var jumped: VirtualTime = 0

    init(_ world: World, _ process: SimulatedProcess) {
        self.world = world
        self.process = process
        rate = world.has(.workerClocks) ? 0.5 + world.random.unit() : 1
    }

    var now: Duration { Duration(VirtualTime(Double(world.simulator.now) * rate) + jumped) }

    func jump(_ time: VirtualTime) { jumped += time }

    func sleep(for duration: Duration) async throws {
        // Rounded up, so that what was slept for is over.
        let time = VirtualTime((Double(VirtualTime(duration)) / rate).rounded(.up)) + 1
        try await world.simulator.waitUnlessCancelled(process, until: world.simulator.now + max(0, time))
    }
}

/// What a worker logs, as lines of the trace.
private struct TraceLog: LogHandler {
    let world: World
    let process: SimulatedProcess
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        world.note(process.name, "\(event.level): \(event.message)\(details)")
    }
}
