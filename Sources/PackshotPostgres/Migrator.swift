internal import Digests
internal import Foundation
internal import PackshotJobs

/// One numbered step of the schema. The SQL files in `migrations/` are built into the program.
package struct Migration: Sendable {
    /// Counts from 1 without gaps.
    package let version: Int
    /// File name without its ending, such as `0001_ledger`.
    package let name: String
    let sql: [UInt8]

    /// SHA-256 of the file's bytes.
    var checksum: [UInt8] { SHA256Digest.hash(sql) }

    /// Every migration this program knows, in order.
    package static let all = [
        Migration(version: 1, name: "0001_ledger", sql: PackageResources._001_ledger_sql),
        Migration(version: 2, name: "0002_steering", sql: PackageResources._002_steering_sql),
        Migration(version: 3, name: "0003_job_states", sql: PackageResources._003_job_states_sql),
        Migration(version: 4, name: "0004_shortcuts", sql: PackageResources._004_shortcuts_sql),
        Migration(version: 5, name: "0005_scale", sql: PackageResources._005_scale_sql),
        Migration(version: 6, name: "0006_paused_backlog", sql: PackageResources._006_paused_backlog_sql),
        Migration(version: 7, name: "0007_cut_prompts", sql: PackageResources._007_cut_prompts_sql),
        Migration(version: 8, name: "0008_months_in_utc", sql: PackageResources._008_months_in_utc_sql),
        Migration(version: 9, name: "0009_identity", sql: PackageResources._009_identity_sql),
        Migration(version: 10, name: "0010_one_model", sql: PackageResources._010_one_model_sql),
        Migration(version: 11, name: "0011_ledger_watch", sql: PackageResources._011_ledger_watch_sql),
        Migration(version: 12, name: "0012_money", sql: PackageResources._012_money_sql),
    ]
}

/// Brings the schema up to date and tells whether it is.
package struct Migrator: Sendable {
    /// The advisory lock that lets one migrator work at a time: the bytes of "packshot".
    private static let lock = Int64(0x7061_636B_7368_6F74)

    private let connection: PostgresConnection

    package init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    /// Applies what is missing, each migration in its own transaction, under an advisory lock: migrators started at the
    /// same time wait for each other.
    /// - Returns: Names of the migrations applied now.
    /// - Throws: ``StoreError`` `.schema` when an applied migration was altered or the schema is newer than this program.
    package func migrate() async throws -> [String] {
        try await connection.run { session in
            try session.query("SELECT pg_advisory_lock($1)", [.integer(Self.lock)])
            defer { _ = try? session.query("SELECT pg_advisory_unlock($1)", [.integer(Self.lock)]) }
            try session.script(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    version integer PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now())
                """)
            let applied = try Self.applied(session)
            try Self.check(applied)
            var names: [String] = []
            for migration in Migration.all where applied[migration.version] == nil {
                try session.transaction {
                    try session.script(String(decoding: migration.sql, as: UTF8.self))
                    try session.query(
                        "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                        [.integer(migration.version), .text(migration.name), .bytes(migration.checksum)])
                }
                names.append(migration.name)
            }
            return names
        }
    }

    /// Checks that the schema is exactly this program's.
    /// - Throws: ``StoreError`` `.schema` saying what to do.
    package func requireCurrent() async throws {
        try await connection.run { session in
            let applied = try Self.applied(session)
            try Self.check(applied)
            if let missing = Migration.all.first(where: { applied[$0.version] == nil }) {
                throw StoreError(
                    .postgres, .schema, "the database lacks migration \(missing.name): run \"packshot migrate\"")
            }
        }
    }

    private static func applied(_ session: PostgresSession) throws -> [Int: (name: String, checksum: String)] {
        let exists = try session.query("SELECT to_regclass('schema_migrations') IS NOT NULL")
        guard exists.rows.first?.first == "t" else { return [:] }
        let rows = try session.query("SELECT version, name, checksum FROM schema_migrations").rows
        var result: [Int: (String, String)] = [:]
        for row in rows {
            if let version = row[0].flatMap({ Int($0) }) { result[version] = (row[1] ?? "", row[2] ?? "") }
        }
        return result
    }

    private static func check(_ applied: [Int: (name: String, checksum: String)]) throws(StoreError) {
        for (version, entry) in applied.sorted(by: { $0.key < $1.key }) {
            guard let known = Migration.all.first(where: { $0.version == version }) else {
                throw StoreError(
                    .postgres, .schema,
                    "the database has migration \(entry.name), which this packshot does not know: use a newer packshot")
            }
            guard entry.checksum == PostgresValue.hexadecimal(known.checksum) else {
                throw StoreError(
                    .postgres, .schema,
                    "migration \(known.name) was applied with other content than this packshot has: restore the file it was applied with, or use the packshot that applied it"
                )
            }
        }
    }
}
