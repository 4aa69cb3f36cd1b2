/// Something about a Redis that a person should know before trusting it with a queue.
package struct RedisServerFinding: Hashable, Sendable {
    /// How bad it is.
    package enum Severity: String, Comparable, Sendable {
        /// Good to know.
        case note
        /// Works, with a risk that the message names.
        case warning
        /// Packshot does not start on it.
        case refusal

        package static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
        private var rank: Int {
            switch self {
            case .note: 0
            case .warning: 1
            case .refusal: 2
            }
        }
    }

    package let severity: Severity
    /// What is so, what follows from it, and what to do.
    package let message: String

    package init(_ severity: Severity, _ message: String) {
        self.severity = severity
        self.message = message
    }
}

/// The start-up rules for a Redis server, and the call that applies them.
package enum RedisServerCheck {
    /// The settings the rules look at.
    static let settings = ["maxmemory-policy", "save", "appendonly", "min-replicas-to-write"]

    /// Judges a server by what it says of itself. The same texts give the same findings, worst first.
    ///
    /// | rule | finding |
    /// |---|---|
    /// | version below 7 | refusal |
    /// | cluster or sentinel mode; a read-only replica | refusal |
    /// | maxmemory-policy `allkeys-*` (drops queued jobs) | refusal |
    /// | maxmemory-policy `volatile-*` (drops embeddings and locks) | warning |
    /// | neither AOF nor RDB snapshots; a failing save; memory nearly full; replicas required that are not there | warning |
    /// | what cannot be known because `INFO` or `CONFIG` is not allowed | note |
    /// - Parameters:
    ///   - info: Reply to `INFO`, or nil where it is not allowed.
    ///   - config: Reply to `CONFIG GET` by name, or nil where it is not allowed, as on managed servers.
    package static func findings(info: String?, config: [String: String]?) -> [RedisServerFinding] {
        let fields = RedisInfo(info ?? "")
        var findings: [RedisServerFinding] = []
        if info == nil {
            findings.append(
                .init(.note, "INFO is not allowed here, so the server's version, role and memory are unknown."))
        } else {
            findings += version(fields) + role(fields)
        }
        if config == nil {
            findings.append(
                .init(.note, "CONFIG is not allowed here, so whether snapshots (save) are taken is unknown."))
        }
        findings += eviction(fields, config) + persistence(fields, config) + capacity(fields, config)
        return findings.enumerated()
            .sorted { ($1.element.severity, $0.offset) < ($0.element.severity, $1.offset) }
            .map(\.element)
    }

    /// Asks a server and judges its answers.
    /// - Throws: ``StoreError`` when the server cannot be reached or does not let us in.
    package static func run(on connection: RedisConnection) async throws -> [RedisServerFinding] {
        let (info, config) = try await connection.perform { session in
            // The first command on a server that wants a password and was given none; the others may be forbidden.
            try session.call(["PING"]) { _ in }
            try session.append(["INFO"])
            try session.append(["CONFIG", "GET"] + settings)
            let info = try session.receiveAny { $0.string }
            let config = try session.receiveAny { node -> [String: String]? in
                guard node.isArray else { return nil }
                var values: [String: String] = [:]
                for index in stride(from: 0, to: node.count - 1, by: 2) {
                    if let name = node[index]?.string { values[name] = node[index + 1]?.string }
                }
                return values
            }
            return (info, config)
        }
        return findings(info: info, config: config)
    }

    // MARK: - Rules

    private static func version(_ info: RedisInfo) -> [RedisServerFinding] {
        guard let version = info["redis_version"], let major = Int(version.prefix { $0 != "." }) else {
            return [.init(.warning, "The server does not say its version; packshot is made for Redis 7 or newer.")]
        }
        guard major < 7 else { return [] }
        return [.init(.refusal, "Redis \(version) is too old; packshot needs Redis 7 or newer (or Valkey).")]
    }

    private static func role(_ info: RedisInfo) -> [RedisServerFinding] {
        var findings: [RedisServerFinding] = []
        switch info["redis_mode"] {
        case "cluster":
            findings.append(
                .init(.refusal, "The server is a node of a cluster; packshot needs a single Redis (replicas are fine).")
            )
        case "sentinel":
            findings.append(
                .init(.refusal, "This is a sentinel, not a data server; put the primary's address in the Redis URL."))
        default: break
        }
        if info["role"] == "slave" {
            findings.append(
                .init(.refusal, "The server is a read-only replica; put the primary's address in the Redis URL."))
        }
        if info["loading"] == "1" {
            findings.append(.init(.warning, "The server is still loading its data and refuses commands until then."))
        }
        return findings
    }

    private static func eviction(_ info: RedisInfo, _ config: [String: String]?) -> [RedisServerFinding] {
        guard let policy = config?["maxmemory-policy"] ?? info["maxmemory_policy"] else {
            return [
                .init(
                    .note,
                    "The server does not say its maxmemory-policy; make sure it is noeviction, or queued jobs can vanish."
                )
            ]
        }
        if policy.hasPrefix("allkeys") {
            return [
                .init(
                    .refusal,
                    "maxmemory-policy is \(policy), which drops queued jobs when memory is short. "
                        + "Set it: CONFIG SET maxmemory-policy noeviction.")
            ]
        }
        if policy.hasPrefix("volatile") {
            return [
                .init(
                    .warning,
                    "maxmemory-policy is \(policy): when memory is short, cached embeddings and their locks are dropped "
                        + "and computed again. Jobs are safe. noeviction is recommended.")
            ]
        }
        guard policy != "noeviction" else { return [] }
        return [.init(.warning, "maxmemory-policy is \(policy), which packshot does not know; use noeviction.")]
    }

    private static func persistence(_ info: RedisInfo, _ config: [String: String]?) -> [RedisServerFinding] {
        var findings: [RedisServerFinding] = []
        let isAppending = config.flatMap { $0["appendonly"].map { $0 == "yes" } } ?? (info["aof_enabled"] == "1")
        if !isAppending, let save = config?["save"], save.isEmpty {
            findings.append(
                .init(
                    .warning,
                    "Persistence is off (no appendonly, no save): a restart of Redis empties the queue. Nothing is lost, "
                        + "workers rebuild it from the ledger, or run packshot reconcile."))
        }
        let saves = [
            ("rdb_last_bgsave_status", "snapshot"), ("aof_last_write_status", "append-only file write"),
            ("aof_last_bgrewrite_status", "append-only file rewrite"),
        ]
        for (field, name) in saves where info[field] == "err" {
            findings.append(
                .init(.warning, "The server's last \(name) failed; see its log and the free space of its disk."))
        }
        return findings
    }

    private static func capacity(_ info: RedisInfo, _ config: [String: String]?) -> [RedisServerFinding] {
        var findings: [RedisServerFinding] = []
        if let limit = info.number("maxmemory"), limit > 0, let used = info.number("used_memory"),
            used > limit / 10 * 9
        {
            findings.append(
                .init(
                    .warning,
                    "Memory is nearly full (\(used >> 20) of \(limit >> 20) MiB); at the limit no job can be queued. "
                        + "Raise maxmemory."))
        }
        if let needed = config?["min-replicas-to-write"].flatMap({ Int64($0) }), needed > 0,
            let replicas = info.number("connected_slaves"), replicas < needed
        {
            findings.append(
                .init(
                    .warning,
                    "min-replicas-to-write is \(needed) and \(replicas) are attached, so the server takes no writes."))
        }
        return findings
    }
}
