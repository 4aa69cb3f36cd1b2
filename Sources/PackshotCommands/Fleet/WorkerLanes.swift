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
        let workerStores = WorkerStores(
            claimThread: claimThread.forTasks, ledger: stores.workerLedger(mark, on: claimThread),
            queue: try RedisJobQueue(stores.redis, claimThread: claimThread, owner: mark),
            settlementLedger: stores.workerLedger(mark), choreLedger: stores.workerLedger(mark),
            heartbeatLedger: stores.workerLedger(mark),
            heartbeatQueue: try RedisJobQueue(stores.redis, owner: mark),
            embeddings: EmbeddingCache(
                memoryBytes: settings.embeddingBytes / lanes, store: RedisEmbeddingStore(stores.redis),
                holder: configuration.id.rawValue, logger: logger))
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

/// Serves the models of the batches in the ledger, one after the other: the oldest batch with unfinished jobs first.
struct LedgerModelsService: Service {
    let reports: LedgerReports
    let lanes: WorkerLanes
    let drains: Bool
    let makeGenerators: @Sendable (PRXCheckpoint) throws -> [any ImageGenerator]

    func run() async throws {
        while !Task.isShuttingDownGracefully {
            guard let (fingerprint, path) = try await reports.modelWithWork() else {
                if drains { return }
                // A new batch is noticed within half a second; until then nothing is loaded and nothing is held.
                try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .milliseconds(500)) }
                continue
            }
            let checkpoint = try ModelFolder.open(path)
            guard try checkpoint.fingerprint() == fingerprint.rawValue else {
                throw CommandError(
                    .invalidInput, "\(path) has changed since its batches were submitted: other weights are there now")
            }
            try await lanes.run(try makeGenerators(checkpoint), drains: true)
        }
    }
}
