import Logging
import PackshotJobs
import PackshotWorker

/// A ledger and a queue in memory with some jobs, and workers for them.
struct MemoryFleet {
    let ledger: MemoryLedger
    let queue = MemoryJobQueue()
    let model = ModelRecord(
        fingerprint: ModelFingerprint(rawValue: String(repeating: "c", count: 64)), name: "m", path: "/m",
        pipelineClass: "PRXPixelPipeline", parameterCount: 1, byteCount: 1)

    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(jobs count: Int, maxAttempts: Int = 3, ledger: MemoryLedger = MemoryLedger()) async throws {
        self.ledger = ledger
        var jobs: [PlannedJob]? = (1...count).map { number in
            PlannedJob(
                product: ProductRecord(sku: "A-\(number)", title: "mug", attributes: [:]), shot: "main", variant: 0,
                spec: GenerationSpec(
                    prompt: "p", negativePrompt: "", seed: 1, width: 8, height: 8, steps: 4, guidance: 1),
                relativePath: "b/\(number).png")
        }
        let batch = try await ledger.submit(
            NewBatch(
                name: "b", outputRoot: "/nowhere", sourcePath: "c.csv",
                sourceSHA256: [UInt8](repeating: 7, count: 32), model: model, maxAttempts: maxAttempts)
        ) {
            defer { jobs = nil }
            return jobs
        }
        try await Dispatcher(ledger: ledger, queue: queue).dispatch(batch.batch)
    }

    /// Takes all jobs as a worker does that dies at once, in the order of their numbers.
    func claimAll(by name: String) async throws -> [ClaimedJob] {
        let dead = WorkerID(rawValue: name)
        try await ledger.register(
            WorkerRegistration(
                id: dead, host: "h", processID: 2, version: "0", threads: 1, kernelClass: "k", model: model,
                rateCard: RateCard(name: "default", perHour: MicroDollars(rawValue: 100_000))))
        return try await ledger.confirm(ledger.jobs.map(\.id), by: dead, lease: .milliseconds(1)).sorted {
            $0.id < $1.id
        }
    }

    /// A worker that is not started yet.
    /// - Parameters:
    ///   - claiming: The ledger as the worker's claims see it.
    ///   - settling: The ledger as its settlements see it.
    ///   - renewing: The queue as its heartbeats see it.
    func worker(
        generator: any ImageGenerator, embeddings: EmbeddingCache? = nil,
        environment: WorkerEnvironment = .machine(), claimThread: (any TaskExecutor)? = nil,
        claiming: (any JobLedger)? = nil, settling: (any JobLedger)? = nil, renewing: (any JobQueue)? = nil,
        logger: Logger? = nil,
        change: (inout WorkerConfiguration) -> Void
    ) -> WorkerService {
        var configuration = WorkerConfiguration(
            id: WorkerID(rawValue: "w"), host: "h", processID: 1, version: "0",
            rateCard: RateCard(name: "default", perHour: MicroDollars(rawValue: 100_000)), outputRoot: nil)
        change(&configuration)
        return WorkerService(
            configuration: configuration, generator: generator,
            stores: WorkerStores(
                claimThread: claimThread ?? BlockingExecutor(label: "claims").forTasks, ledger: claiming ?? ledger,
                queue: queue,
                settlementLedger: settling ?? ledger, choreLedger: ledger, heartbeatLedger: ledger,
                heartbeatQueue: renewing ?? queue,
                embeddings: embeddings
                    ?? EmbeddingCache(memoryBytes: 1 << 20, store: MemoryEmbeddingStore(), holder: "w", logger: quiet)),
            environment: environment, logger: logger ?? quiet)
    }
}
