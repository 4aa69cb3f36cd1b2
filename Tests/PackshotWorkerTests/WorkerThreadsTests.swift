import Dispatch
import Logging
import PackshotJobs
import PackshotWorker
import Synchronization
import Testing

/// What blocks or computes for long has a thread to itself: a heartbeat is never late because an image is being made.
@Suite("The threads of a worker")
struct WorkerThreadsTests {
    private static let name = DispatchSpecificKey<String>()

    private final class NamedThread: TaskExecutor {
        private let queue: DispatchQueue

        init(_ name: String) {
            queue = DispatchQueue(label: name)
            queue.setSpecific(key: WorkerThreadsTests.name, value: name)
        }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    private final class Log: Sendable {
        private let lines = Mutex<Set<String>>([])

        func note(_ what: String) {
            let place = DispatchQueue.getSpecific(key: WorkerThreadsTests.name) ?? "the pool"
            lines.withLock { _ = $0.insert("\(what) on \(place)") }
        }

        var all: Set<String> { lines.withLock { $0 } }
    }

    private struct Generator: ImageGenerator {
        let model: ModelRecord
        let log: Log
        let kernelClass = "k"
        let threads = 1

        func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
            log.note("prepare")
            return PreparedPrompt(effectiveText: prompt, tokens: [1], tokenCount: 1, key: Array(prompt.utf8))
        }

        func embed(_ prompt: PreparedPrompt) throws -> [UInt8] {
            log.note("embed")
            return [1]
        }

        func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { false }

        func generate(
            _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
            onStep: (_ step: Int, _ steps: Int) throws -> Void
        ) async throws -> GeneratedImage {
            log.note("generate")
            try onStep(1, 1)
            return GeneratedImage(width: 1, height: 1, rgb: [0, 0, 0], sampleTime: 1, decodeTime: 1)
        }
    }

    private struct Files: ImageFiles {
        let log: Log

        func save(_ bytes: [UInt8], as relativePath: String, in root: String) async throws { log.note("save") }
        func replace(
            _ bytes: [UInt8], at relativePath: String, in root: String,
            deciding: (_ rename: @escaping @Sendable () throws -> Void) async throws -> Bool
        ) async throws -> Bool {
            log.note("replace")
            return try await deciding {}
        }
        func contents(of relativePath: String, in root: String) throws -> [UInt8]? { nil }
        func remove(_ relativePath: String, in root: String) throws {}
        func probe(_ root: String, byteCount: Int) async throws { log.note("probe") }
    }

    /// The claiming thread asks itself, so that no other is woken.
    private struct Embeddings: EmbeddingStore {
        let base = MemoryEmbeddingStore()
        let log: Log

        func embedding(for key: [UInt8]) async throws -> [UInt8]? {
            log.note("look for an embedding")
            return try await base.embedding(for: key)
        }
        func store(_ embedding: [UInt8], for key: [UInt8], by holder: String) async throws {
            log.note("store an embedding")
            try await base.store(embedding, for: key, by: holder)
        }
        func tryLock(_ key: [UInt8], holder: String, duration: Duration) async throws -> Bool {
            try await base.tryLock(key, holder: holder, duration: duration)
        }
        func unlock(_ key: [UInt8], holder: String) async throws { try await base.unlock(key, holder: holder) }
        func count(_ hits: [EmbeddingSource: Int]) async throws { try await base.count(hits) }
        func counters() async throws -> [EmbeddingSource: Int] { try await base.counters() }
    }

    @Test func eachPartHasOneOfItsOwn() async throws {
        let log = Log()
        let fleet = try await MemoryFleet(jobs: 3)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try await fleet.worker(
            generator: Generator(model: fleet.model, log: log),
            embeddings: EmbeddingCache(
                memoryBytes: 0, store: Embeddings(log: log), holder: "w", logger: quiet),
            environment: WorkerEnvironment(
                clock: SystemClock(), random: { 0.5 },
                threads: .init(
                    encoder: NamedThread("encoder"), sampler: NamedThread("sampler"), files: NamedThread("files")),
                files: Files(log: log), endProcess: { _ in }),
            claimThread: NamedThread("claims")
        ) { $0.drains = true }.run()
        #expect(fleet.ledger.jobs.map(\.machine.state) == [.completed, .completed, .completed])
        #expect(
            log.all == [
                "prepare on encoder", "embed on encoder", "generate on sampler", "save on files",
                "look for an embedding on claims", "store an embedding on claims", "probe on claims",
            ])
    }
}
