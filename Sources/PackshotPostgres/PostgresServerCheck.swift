/// Something about a PostgreSQL that a person should know before trusting it with the ledger.
package struct PostgresServerFinding: Hashable, Sendable {
    /// Good to know, a risk, or in the way.
    package enum Severity: Sendable {
        case note
        case warning
        case refusal
    }

    package let severity: Severity
    package let message: String
}

/// What `packshot doctor` asks a PostgreSQL about itself.
package enum PostgresServerCheck {
    /// What the server says.
    struct Answers {
        var version = 0
        var versionName = ""
        var encoding = ""
        var timeZone = ""
        var fsync = ""
        var fullPageWrites = ""
        var synchronousCommit = ""
        var isStandby = false
        var connections = 0
        var mostConnections = 0
    }

    /// Asks a server and judges its answers.
    package static func run(on connection: PostgresConnection) async throws -> [PostgresServerFinding] {
        findings(
            try await connection.run { session in
                let row = try session.query(
                    """
                    SELECT current_setting('server_version_num'), current_setting('server_version'),
                           current_setting('server_encoding'), coalesce((SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'), ''),
                           current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
                           pg_is_in_recovery(), (SELECT sum(numbackends) FROM pg_stat_database),
                           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                    """
                ).rows[0]
                func number(_ index: Int) -> Int { row[index].flatMap { Int($0) } ?? 0 }
                return Answers(
                    version: number(0), versionName: row[1] ?? "", encoding: row[2] ?? "", timeZone: row[3] ?? "",
                    fsync: row[4] ?? "", fullPageWrites: row[5] ?? "", synchronousCommit: row[6] ?? "",
                    isStandby: row[7] == "t", connections: number(8), mostConnections: number(9))
            })
    }

    /// The same answers give the same findings.
    ///
    /// | rule | finding |
    /// |---|---|
    /// | version below 15 | refusal |
    /// | an encoding other than UTF8: most titles cannot be stored | refusal |
    /// | a standby, which takes no writes | refusal |
    /// | fsync or full_page_writes off: a power failure can cost the ledger; synchronous_commit off: its last moments | warning |
    /// | fewer than ten connections left | warning |
    static func findings(_ answers: Answers) -> [PostgresServerFinding] {
        var findings: [PostgresServerFinding] = [
            PostgresServerFinding(
                severity: .note,
                message:
                    "\(answers.versionName), encoding \(answers.encoding), time zone \(answers.timeZone) (Packshot's sessions "
                    + "use UTC), fsync \(answers.fsync), \(answers.connections) of \(answers.mostConnections) connections in use"
            )
        ]
        if answers.version < 150_000 {
            findings.append(
                PostgresServerFinding(
                    severity: .refusal, message: "the server is too old; packshot needs PostgreSQL 15 or newer"))
        }
        if answers.encoding != "UTF8" {
            findings.append(
                PostgresServerFinding(
                    severity: .refusal,
                    message:
                        "the database's encoding is \(answers.encoding), which cannot hold every title: make one with ENCODING 'UTF8'"
                ))
        }
        if answers.isStandby {
            findings.append(
                PostgresServerFinding(
                    severity: .refusal, message: "the server is a standby and takes no writes: name the primary"))
        }
        for (name, value, loss) in [
            ("fsync", answers.fsync, "a power failure can destroy the ledger"),
            ("full_page_writes", answers.fullPageWrites, "a power failure can damage the ledger"),
            (
                "synchronous_commit", answers.synchronousCommit,
                "a crash can lose what was committed last: images are made again"
            ),
        ] where value == "off" {
            findings.append(PostgresServerFinding(severity: .warning, message: "\(name) is off: \(loss)"))
        }
        if answers.mostConnections - answers.connections < 10 {
            findings.append(
                PostgresServerFinding(
                    severity: .warning,
                    message:
                        "only \(max(0, answers.mostConnections - answers.connections)) connections are left: raise max_connections"
                ))
        }
        return findings
    }
}
