internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis

/// Redis and PostgreSQL as the environment names them: `DATABASE_URL` and `REDIS_URL`, or the files that
/// `DATABASE_URL_FILE` and `REDIS_URL_FILE` name. They may hold passwords, so there are no flags for them.
struct Stores: Sendable {
    let postgres: PostgresURL
    let redis: RedisURL

    /// Reads the environment.
    /// - Throws: ``CommandError`` naming the variable.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        postgres = try PostgresURL(Self.setting("DATABASE_URL", environment).value)
        redis = try RedisURL(Self.setting("REDIS_URL", environment).value)
    }

    /// PostgreSQL alone, for commands that need no queue.
    static func postgres(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> PostgresURL {
        try PostgresURL(setting("DATABASE_URL", environment).value)
    }

    /// True when a setting is given, itself or by a file.
    static func isSet(_ name: String, _ environment: [String: String]) -> Bool {
        [name, "\(name)_FILE"].contains { environment[$0]?.isEmpty == false }
    }

    /// A setting and where it came from.
    static func setting(_ name: String, _ environment: [String: String]) throws -> (value: String, origin: String) {
        if let value = environment[name], !value.isEmpty { return (value, name) }
        if let path = environment["\(name)_FILE"], !path.isEmpty {
            return (try SecretFile.text(path, named: "\(name)_FILE"), "\(name)_FILE (\(path))")
        }
        throw CommandError(
            .storeUnreachable,
            "\(name) is not set; set it (or \(name)_FILE), or run the command inside `packshot up -- …`")
    }

    /// A ledger with a connection of its own, its schema checked.
    /// - Throws: ``StoreError`` `.unreachable` or `.schema`.
    func ledger() async throws -> (ledger: PostgresLedger, reports: LedgerReports) {
        try await Self.ledger(postgres)
    }

    static func ledger(_ url: PostgresURL) async throws -> (ledger: PostgresLedger, reports: LedgerReports) {
        let connection = PostgresConnection(url)
        try await Migrator(connection).requireCurrent()
        return (PostgresLedger(connection), LedgerReports(connection))
    }

    /// A worker's ledger, with a connection of its own, made when it is needed. ``ledger()`` checks the schema.
    func workerLedger(on thread: BlockingExecutor? = nil) -> PostgresLedger {
        PostgresLedger(
            thread.map { PostgresConnection(forWorker: postgres, on: $0) } ?? PostgresConnection(forWorker: postgres))
    }

    /// A queue on a server that passed the start-up rules.
    /// - Parameter isQuiet: Keeps warnings to itself.
    /// - Throws: ``StoreError`` `.unreachable`; `.configuration` when a rule refuses the server.
    func queue(isQuiet: Bool = false) async throws -> RedisJobQueue {
        for finding in try await RedisServerCheck.run(on: RedisConnection(redis)) {
            switch finding.severity {
            case .refusal: throw StoreError(.redis, .configuration, "Redis: \(finding.message)")
            case .warning: if !isQuiet { Talk.note("packshot: Redis: \(finding.message)") }
            case .note: break
            }
        }
        return try RedisJobQueue(redis)
    }
}
