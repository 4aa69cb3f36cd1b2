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

    /// What a command does with a ledger that is a copy of which nobody has said what it is for.
    enum LedgerUse {
        /// It refuses: it would do something that the original does.
        case work
        /// It reads it all the same, and says so.
        case read
        /// It is there to see to that.
        case identify
    }

    /// A ledger with a connection of its own, its schema and its identity checked.
    /// - Throws: ``StoreError`` `.unreachable`, `.schema`; `.configuration` for a copy.
    func ledger(for use: LedgerUse = .work) async throws -> (ledger: PostgresLedger, reports: LedgerReports) {
        try await Self.ledger(postgres, for: use)
    }

    static func ledger(
        _ url: PostgresURL, for use: LedgerUse = .work
    ) async throws -> (ledger: PostgresLedger, reports: LedgerReports) {
        let connection = PostgresConnection(url)
        try await Migrator(connection).requireCurrent()
        let ledger = PostgresLedger(connection)
        if use != .identify {
            do {
                try await ledger.identity().requireHome()
            } catch let error as StoreError where use == .read && error.code == .configuration {
                Talk.note("packshot: \(error.message)")
            }
        }
        return (ledger, LedgerReports(connection))
    }

    /// A worker's ledger, with a connection of its own. ``ledger(for:)`` checks the schema.
    /// - Parameter mark: Who must answer whenever the connection is made anew.
    func workerLedger(
        _ mark: LedgerMark, on thread: BlockingExecutor = BlockingExecutor(label: "packshot.postgres"),
        among others: PostgresConnections
    ) -> PostgresLedger {
        PostgresLedger(PostgresConnection(forWorker: postgres, on: thread, expecting: mark, among: others))
    }

    /// A ledger's queue on a server that passed the start-up rules.
    /// - Parameters:
    ///   - ledger: Whose it must be; nil to look at it, whosever it is.
    ///   - isQuiet: Keeps warnings to itself.
    /// - Throws: ``StoreError`` `.unreachable`; `.configuration` when a rule refuses the server, or the queue is another ledger's.
    func queue(of ledger: PostgresLedger?, isQuiet: Bool = false) async throws -> RedisJobQueue {
        for finding in try await RedisServerCheck.run(on: RedisConnection(redis)) {
            switch finding.severity {
            case .refusal: throw StoreError(.redis, .configuration, "Redis: \(finding.message)")
            case .warning: if !isQuiet { Talk.note("packshot: Redis: \(finding.message)") }
            case .note: break
            }
        }
        guard let mark = try await ledger?.identity().mark else { return try RedisJobQueue(redis) }
        try await QueueOwner(mark: mark, url: redis).claim(RedisConnection(redis))
        return try RedisJobQueue(redis, owner: mark)
    }
}
