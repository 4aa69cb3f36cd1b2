import Foundation
import PackshotJobs
import PackshotPostgres
import Testing

/// A database of its own for one test, migrated, and gone afterwards.
final class TestDatabase: Sendable {
    static let serverURL = ProcessInfo.processInfo.environment["DATABASE_URL"]

    let url: String
    let ledger: PostgresLedger
    let reports: LedgerReports
    let name: String

    static func with(migrated: Bool = true, _ body: (TestDatabase) async throws -> Void) async throws {
        let database = try TestDatabase()
        do {
            if migrated { _ = try await database.migrator().migrate() }
            try await body(database)
        } catch {
            database.drop()
            throw error
        }
        database.drop()
    }

    private init() throws {
        let server = try #require(Self.serverURL)
        name = "ledger_" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        url = server.replacingOccurrences(of: "/packshot?", with: "/\(name)?")
        try #require(url != server, "DATABASE_URL must name the database packshot")
        _ = try Self.psql(server, "CREATE DATABASE \(name)")
        let connection = PostgresConnection(try PostgresURL(url))
        ledger = PostgresLedger(connection)
        reports = LedgerReports(connection)
    }

    private func drop() {
        _ = try? Self.psql(Self.serverURL ?? "", "DROP DATABASE \(name) WITH (FORCE)")
    }

    /// A ledger over another connection, as another process would have.
    func anotherLedger() throws -> PostgresLedger { PostgresLedger(PostgresConnection(try PostgresURL(url))) }

    /// A ledger as a worker process has it.
    func workerLedger() throws -> PostgresLedger { PostgresLedger(PostgresConnection(forWorker: try PostgresURL(url))) }

    /// The rules of the ledger that are broken.
    func audit() async throws -> [LedgerAudit.Breach] { try await LedgerAudit(reports).breaches() }

    func migrator() throws -> Migrator { Migrator(PostgresConnection(try PostgresURL(url))) }

    /// Rows as `psql -At` prints them: a witness that shares no code with the ledger.
    @discardableResult
    func sql(_ query: String) throws -> [String] { try Self.psql(url, query) }

    /// A statement from outside this database, which may have shut its doors.
    func onServer(_ query: String) throws { _ = try Self.psql(Self.serverURL ?? "", query) }

    /// What `psql` says when it refuses a statement; nil when it does not.
    func refusal(_ query: String) -> String? {
        do {
            _ = try Self.psql(url, query)
            return nil
        } catch { return "\(error)" }
    }

    private struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private static func psql(_ url: String, _ query: String) throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", url, "-c", query]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused(description: message) }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// Values the tests are made of.
enum Sample {
    static let model = ModelRecord(
        fingerprint: ModelFingerprint(rawValue: String(repeating: "ab", count: 32)), name: "tiny", path: "/models/tiny",
        pipelineClass: "PRXPixelPipeline", parameterCount: 10, byteCount: 20)

    static func batch(_ name: String = "b", maxAttempts: Int = 3) -> NewBatch {
        NewBatch(
            name: name, outputRoot: "/out", sourcePath: "c.csv", sourceSHA256: [UInt8](repeating: 1, count: 32),
            model: model, maxAttempts: maxAttempts)
    }

    static func job(
        _ number: Int, sku: String? = nil, title: String = "Mug", prompt: String = "a mug", path: String? = nil,
        priority: Int = 4, at: Date? = nil
    ) -> PlannedJob {
        let sku = sku ?? "SKU-\(number)"
        return PlannedJob(
            product: ProductRecord(sku: sku, title: title, attributes: ["color": "red"]), shot: "main", variant: 0,
            spec: GenerationSpec(
                prompt: prompt, negativePrompt: "", seed: UInt64(number), width: 8, height: 8, steps: 4, guidance: 2),
            relativePath: path ?? "b/\(number).png", priority: priority, scheduledAt: at)
    }

    static func worker(_ name: String, perHour: Int64 = 3_600_000_000) -> WorkerRegistration {
        WorkerRegistration(
            id: WorkerID(rawValue: name), host: "h", processID: 1, version: "0", threads: 1, kernelClass: "k",
            model: model,
            rateCard: RateCard(name: "test", perHour: MicroDollars(rawValue: perHour)))
    }

    static func settlement(
        _ job: ClaimedJob, by worker: String, _ outcome: Settlement.Outcome, from: Int64, to: Int64
    ) -> Settlement {
        Settlement(
            job: job.id, attempt: job.attempt, worker: WorkerID(rawValue: worker), outcome: outcome, busyFrom: from,
            busyTo: to, stages: StageTimes(embed: 1, sample: 2, decode: 3, encode: 4, write: 5),
            embeddingSources: [.encoder, .memory])
    }

    static func image(_ job: ClaimedJob) -> Settlement.Outcome {
        .completed(
            ImageRecord(
                relativePath: job.relativePath, sha256: [UInt8](repeating: UInt8(job.id.rawValue % 250), count: 32),
                byteCount: 10, width: 8, height: 8, effectivePrompt: "a mug", promptTokens: 2, version: "0"))
    }

    static let failure = AttemptFailure(code: "broken", message: "it's \"broken\" \\ {,}", isPermanent: false)
}

extension TestDatabase {
    /// Submits jobs as one chunk.
    @discardableResult
    func submit(_ jobs: [PlannedJob], to batch: NewBatch = Sample.batch()) async throws -> Submission {
        var rest: [PlannedJob]? = jobs
        return try await ledger.submit(batch) {
            defer { rest = nil }
            return rest
        }
    }

    /// Registers workers and submits `count` jobs.
    func prepare(workers: [String], jobs count: Int, maxAttempts: Int = 3) async throws {
        for worker in workers { try await ledger.register(Sample.worker(worker)) }
        try await submit((1...count).map { Sample.job($0) }, to: Sample.batch(maxAttempts: maxAttempts))
    }

    func confirm(_ ids: [Int64], by worker: String, lease: Duration = .seconds(60)) async throws -> [ClaimedJob] {
        try await ledger.confirm(ids.map(JobID.init(rawValue:)), by: WorkerID(rawValue: worker), lease: lease)
            .sorted { $0.id < $1.id }
    }
}
