internal import Foundation
internal import Glibc
internal import Logging
internal import PRX
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis
internal import PackshotWorker
internal import ServiceLifecycle

/// Puts workers together and runs them: one for each generator, side by side in this process.
///
/// A lane is a worker of its own in the ledger, with its own time line and its share of the machine's price.
struct WorkerLanes: Sendable {
    /// What all lanes share.
    struct Settings: Sendable {
        let writesFiles: Bool
        let out: String?
        let lease: Duration
        let grace: Duration
        let stepTimeout: Duration
        let embeddingBytes: Int
        let rateCard: String
        let perHour: MicroDollars
    }

    let settings: Settings
    let stores: Stores
    /// The ledger that all of it is for.
    let mark: LedgerMark
    let logger = Logger(label: "packshot.worker")

    /// Runs a worker a generator until they drain or the surrounding service group shuts down gracefully.
    /// If one ends with an error, the others stop in good order first.
    /// - Throws: ``StoreError`` when one cannot register; ``CommandError`` when the weights were changed.
    func run(_ generators: [any ImageGenerator], drains: Bool) async throws {
        var services: [WorkerService] = []
        for generator in generators {
            services.append(try worker(generator, of: generators.count, drains: drains))
        }
        let failure = await withTaskGroup { group in
            for service in services {
                group.addTask { () -> (any Error)? in
                    do {
                        try await service.run()
                        return nil
                    } catch { return error }
                }
            }
            var first: (any Error)?
            for await failure in group where failure != nil && first == nil {
                first = failure
                for service in services { service.stop() }
            }
            return first
        }
        if let change = failure as? WeightsChanged { throw CommandError(.invalidInput, change.description) }
        if let failure { throw failure }
    }

    private func worker(_ generator: any ImageGenerator, of lanes: Int, drains: Bool) throws -> WorkerService {
        let host = ProcessInfo.processInfo.hostName
        let card = RateCard(
            name: lanes == 1 ? settings.rateCard : "\(settings.rateCard)/\(lanes)",
            perHour: MicroDollars(rawValue: settings.perHour.rawValue / Int64(lanes)))
        var configuration = WorkerConfiguration(
            id: .fresh(host: host, processID: getpid()), host: host, processID: getpid(),
            version: PackshotVersion.current, rateCard: card, outputRoot: settings.out)
        configuration.ledger = mark.ledger
        configuration.writesFiles = settings.writesFiles
        configuration.lease = settings.lease
        configuration.grace = settings.grace
        configuration.stepTimeout = settings.stepTimeout
        configuration.drains = drains
        let claimThread = BlockingExecutor(label: "packshot.claims")
        let connections = PostgresConnections()
        let queue = try RedisJobQueue(stores.redis, claimThread: claimThread, owner: mark)
        let heartbeatQueue = try RedisJobQueue(stores.redis, owner: mark)
        let embeddings = RedisEmbeddingStore(stores.redis)
        let workerStores = WorkerStores(
            claimThread: claimThread.forTasks,
            ledger: stores.workerLedger(mark, on: claimThread, among: connections), queue: queue,
            settlementLedger: stores.workerLedger(mark, among: connections),
            choreLedger: stores.workerLedger(mark, among: connections),
            heartbeatLedger: stores.workerLedger(mark, among: connections), heartbeatQueue: heartbeatQueue,
            embeddings: EmbeddingCache(
                memoryBytes: settings.embeddingBytes / lanes, store: embeddings,
                holder: configuration.id.rawValue, logger: logger),
            connect: {
                do {
                    try await connections.open()
                    try await queue.open()
                    try await heartbeatQueue.open()
                    try await embeddings.open()
                } catch {
                    // What this one cannot use is left to others.
                    await connections.close()
                    await queue.close()
                    await heartbeatQueue.close()
                    await embeddings.close()
                    throw error
                }
            })
        return WorkerService(
            configuration: configuration, generator: generator, stores: workerStores,
            environment: .machine(files: ImageFileStore(of: mark)), logger: logger)
    }
}

/// Serves one model.
struct FixedModelService: Service {
    let generators: [any ImageGenerator]
    let lanes: WorkerLanes
    let drains: Bool

    func run() async throws {
        try await lanes.run(generators, drains: drains)
    }
}
