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

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    private struct Overview: Encodable {
        let batches: [LedgerReports.BatchReport]
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
            let (_, reports) = try await Stores.ledger(Stores.postgres())
            let report = try await reports.batch(try await folder.find(batch, reports))
            if json { try Talk.json(report) } else { Talk.result(BatchTable(report: report).text) }
            return
        }
        let stores = try Stores()
        let (_, reports) = try await stores.ledger()
        let queue = try await stores.queue(isQuiet: true)
        var depths: [Queue] = []
        let backlog = try await reports.backlog()
        for model in backlog {
            let depth = try await queue.depth(model: ModelFingerprint(rawValue: model.fingerprint))
            depths.append(Queue(model: model.name, ready: depth.ready, pending: depth.pending, delayed: depth.delayed))
        }
        let counters = try await RedisEmbeddingStore(stores.redis).counters()
        let overview = Overview(
            batches: try await reports.newestBatches(limit: 20), backlog: backlog,
            workers: try await reports.workers(all: false),
            embeddingCache: Dictionary(
                uniqueKeysWithValues: EmbeddingSource.allCases.map { ($0.rawValue, counters[$0] ?? 0) }),
            queue: depths)
        if json { try Talk.json(overview) } else { Talk.result(Self.text(overview)) }
    }

    private static func text(_ overview: Overview) -> String {
        var lines: [String] = []
        if overview.batches.isEmpty { lines.append("no batches yet: packshot enqueue catalog.csv --model … --out …") }
        for batch in overview.batches {
            lines.append(BatchProgress.line(batch) + (BatchProgress.hint(batch).map { "  \($0)" } ?? ""))
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
        for worker in overview.workers {
            lines.append(
                "worker \(worker.id): \(worker.model), \(worker.threads) threads (\(worker.kernelClass)), \(worker.images) images, \(Int((worker.busyShare * 100).rounded())) % busy"
            )
        }
        let cache = overview.embeddingCache
        lines.append(
            "embeddings: \(cache["memory"] ?? 0) from memory, \(cache["redis"] ?? 0) from redis, \(cache["encoder"] ?? 0) computed"
        )
        return lines.joined(separator: "\n")
    }
}
