import PackshotRedis
import Testing

@Suite struct RedisServerCheckTests {
    private static let good = """
        # Server\r
        redis_version:7.0.15\r
        redis_mode:standalone\r
        run_id:0123456789abcdef\r
        # Memory\r
        used_memory:1000000\r
        maxmemory:0\r
        maxmemory_policy:noeviction\r
        # Persistence\r
        loading:0\r
        rdb_last_bgsave_status:ok\r
        aof_enabled:0\r
        aof_last_bgrewrite_status:ok\r
        aof_last_write_status:ok\r
        # Replication\r
        role:master\r
        connected_slaves:0\r
        """
    private static let goodConfig = [
        "maxmemory-policy": "noeviction", "save": "3600 1 300 100 60 10000", "appendonly": "no",
        "min-replicas-to-write": "0",
    ]

    private static func info(_ field: String, _ value: String) -> String {
        good.split(whereSeparator: \.isNewline)
            .map { $0.hasPrefix("\(field):") ? "\(field):\(value)" : String($0) }
            .joined(separator: "\r\n")
    }

    @Test func findsNothingWrongWithAGoodServer() {
        #expect(RedisServerCheck.findings(info: Self.good, config: Self.goodConfig).isEmpty)
    }

    @Test(
        arguments: [
            ("redis_version", "6.2.14", .refusal, "too old"), ("redis_version", "10.0.0", nil, ""),
            ("redis_version", "seven", .warning, "version"), ("redis_mode", "cluster", .refusal, "cluster"),
            ("redis_mode", "sentinel", .refusal, "sentinel"), ("role", "slave", .refusal, "replica"),
            ("loading", "1", .warning, "loading"), ("rdb_last_bgsave_status", "err", .warning, "snapshot"),
            ("aof_last_write_status", "err", .warning, "append-only"),
            ("aof_last_bgrewrite_status", "err", .warning, "rewrite"),
            ("maxmemory", "1050000", .warning, "nearly full"),
            ("maxmemory", "9000000", nil, ""),
        ] as [(String, String, RedisServerFinding.Severity?, String)])
    func judgesInfo(_ field: String, _ value: String, _ severity: RedisServerFinding.Severity?, _ word: String) {
        let findings = RedisServerCheck.findings(info: Self.info(field, value), config: Self.goodConfig)
        #expect(findings.map(\.severity) == (severity.map { [$0] } ?? []))
        #expect(findings.allSatisfy { $0.message.contains(word) }, "\(findings)")
    }

    @Test(
        arguments: [
            ("maxmemory-policy", "allkeys-lru", .refusal, "allkeys-lru"),
            ("maxmemory-policy", "allkeys-random", .refusal, "drops queued jobs"),
            ("maxmemory-policy", "volatile-ttl", .warning, "embeddings"),
            ("maxmemory-policy", "something-new", .warning, "something-new"),
            ("save", "", .warning, "Persistence is off"),
            ("min-replicas-to-write", "1", .warning, "min-replicas"), ("appendonly", "yes", nil, ""),
        ] as [(String, String, RedisServerFinding.Severity?, String)])
    func judgesConfig(_ name: String, _ value: String, _ severity: RedisServerFinding.Severity?, _ word: String) {
        var config = Self.goodConfig
        config[name] = value
        let findings = RedisServerCheck.findings(info: Self.good, config: config)
        #expect(findings.map(\.severity) == (severity.map { [$0] } ?? []))
        #expect(findings.allSatisfy { $0.message.contains(word) }, "\(findings)")
    }

    @Test func appendOnlyIsPersistenceEnough() {
        var config = Self.goodConfig
        config["save"] = ""
        config["appendonly"] = "yes"
        #expect(RedisServerCheck.findings(info: Self.good, config: config).isEmpty)
    }

    @Test func saysWhatItCannotKnow() {
        let managed = RedisServerCheck.findings(info: Self.info("maxmemory_policy", "allkeys-lru"), config: nil)
        #expect(managed.map(\.severity) == [.refusal, .note])
        let blind = RedisServerCheck.findings(info: nil, config: nil)
        #expect(blind.map(\.severity) == [.note, .note, .note])
    }

    @Test func putsTheWorstFirst() {
        var config = Self.goodConfig
        config["save"] = ""
        config["maxmemory-policy"] = "allkeys-lfu"
        let findings = RedisServerCheck.findings(info: Self.info("redis_version", "5.0.0"), config: config)
        #expect(findings.map(\.severity) == [.refusal, .refusal, .warning])
    }
}
