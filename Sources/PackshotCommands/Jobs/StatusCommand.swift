package import ArgumentParser
internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis

/// `packshot status`: how batches, the queue and the fleet stand.
package struct StatusCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show how a batch stands, or all batches, the queue and the workers.",
        discussion: "Everything but the queue's depth and the cache's counters is read from the ledger.")

    @Argument(help: "A batch's name or number.")
    package var batch: String?

    @OptionGroup package var folder: BatchFolder

    @Option(help: "Show at most so many batches, the newest first (default: 20).")
    package var limit: Int?

    @Flag(help: "Show all batches.")
    package var all = false

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1") }
        guard limit == nil || !all else { throw ValidationError("give --limit or --all, not both") }
        guard batch == nil || (limit == nil && !all) else {
            throw ValidationError("--limit and --all are for the list of batches")
        }
    }

    private struct Overview: Encodable {
        let batches: [LedgerReports.BatchReport]
        /// How many there are; more than are listed when the list is cut.
        let batchesInAll: Int
        let backlog: [LedgerReports.Backlog]
        let workers: [LedgerReports.WorkerReport]
        let embeddingCache: [String: Int]
        let queue: [Queue]
    }

    private struct Queue: Encodable {
        let model: String
        let ready: Int
        let pending: Int
        let delayed: Int
    }

    package func run() async throws {
        if let batch {
            let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
            let report = try await reports.batch(try await folder.find(batch, reports))
            if json { try Talk.json(report) } else { Talk.result(BatchTable(report: report).text) }
            return
        }
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger(for: .read)
        let queue = try await stores.queue(of: nil, isQuiet: true)
        let owner = QueueOwner(mark: try await ledger.identity().mark, url: stores.redis)
        if let refusal = owner.refusal(try await owner.standing(RedisConnection(stores.redis))) {
            Talk.note("packshot: \(refusal.message)")
        }
        var depths: [Queue] = []
        let backlog = try await reports.backlog()
        for model in backlog {
            let depth = try await queue.depth(model: ModelFingerprint(rawValue: model.fingerprint))
            depths.append(Queue(model: model.name, ready: depth.ready, pending: depth.pending, delayed: depth.delayed))
        }
        let counters = try await RedisEmbeddingStore(stores.redis).counters()
        let overview = Overview(
            batches: try await reports.newestBatches(limit: all ? Int(Int32.max) : limit ?? 20),
            batchesInAll: try await reports.batchCount(), backlog: backlog,
            workers: try await reports.workers(all: false),
            embeddingCache: Dictionary(
                uniqueKeysWithValues: EmbeddingSource.allCases.map { ($0.rawValue, counters[$0] ?? 0) }),
            queue: depths)
        if json { try Talk.json(overview) } else { Talk.result(Self.text(overview)) }
    }

    private static let mostWorkers = 50

    private static func text(_ overview: Overview) -> String {
        var lines: [String] = []
        if overview.batches.isEmpty { lines.append("no batches yet: packshot enqueue catalog.csv --model … --out …") }
        for batch in overview.batches {
            lines.append(
                Printable.line(BatchProgress.line(batch) + (BatchProgress.hint(batch).map { "  \($0)" } ?? "")))
        }
        if let more = Shortened.text(
            shown: overview.batches.count, of: overview.batchesInAll, "batches", more: "--limit N or --all shows them")
        {
            lines.append(more)
        }
        for model in overview.backlog {
            let seconds = model.seconds.map { String(format: ", about %.0f s of one worker's work", $0) } ?? ""
            let paused = model.pausedJobs > 0 ? "; \(model.pausedJobs) more are paused" : ""
            lines.append("backlog of \(model.name): \(model.jobs) jobs\(seconds)\(paused)")
        }
        for queue in overview.queue {
            lines.append(
                "queue of \(queue.model): \(queue.ready) ready, \(queue.pending) delivered, \(queue.delayed) delayed")
        }
        for worker in overview.workers.prefix(Self.mostWorkers) {
            lines.append(
                "worker \(worker.id): \(worker.model), \(worker.threads) threads (\(worker.kernelClass)), \(worker.images) images, \(Int((worker.busyShare * 100).rounded())) % busy"
            )
        }
        if let more = Shortened.text(
            shown: Self.mostWorkers, of: overview.workers.count, "workers", more: "packshot workers lists them")
        {
            lines.append(more)
        }
        let cache = overview.embeddingCache
        lines.append(
            "embeddings: \(cache["memory"] ?? 0) from memory, \(cache["redis"] ?? 0) from redis, \(cache["encoder"] ?? 0) computed"
        )
        return lines.joined(separator: "\n")
    }
}
