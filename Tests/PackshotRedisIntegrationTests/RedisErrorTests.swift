import Foundation
import PackshotJobs
import PackshotRedis
import PackshotTestSupport
import Testing

/// Refusals and failures of real servers, and what becomes of them.
@Suite(.enabled(if: PrivateRedis.isAvailable, "needs redis-server"))
struct RedisErrorTests {
    private func failure(_ call: () async throws -> Void) async -> StoreError? {
        await #expect(throws: StoreError.self) { try await call() }
    }

    @Test func wrongPasswordIsNotShown() async throws {
        try await PrivateRedis.with(["--requirepass", "right-word"], login: ":right-word@") { server in
            for login in [":wrong-word@", "nobody:wrong-word@"] {
                let url = try RedisURL("unix://\(login)\(server.folder.path)/redis.sock")
                let error = await failure { _ = try await RedisConnection(url).call(["PING"]) }
                #expect(error?.code == .configuration && error?.detail == "WRONGPASS")
                #expect(error?.message.contains("redis.sock") == true)
                #expect(error.map { String(reflecting: $0).contains("wrong-word") } == false)
            }
            let url = try RedisURL("unix://\(server.folder.path)/redis.sock")
            let error = await failure { _ = try await RedisJobQueue(url).epoch() }
            #expect(error?.code == .configuration && error?.detail == "NOAUTH")
            let checked = await failure { _ = try await RedisServerCheck.run(on: RedisConnection(url)) }
            #expect(checked?.detail == "NOAUTH")
        }
    }

    @Test func passwordOnAServerWithoutOneIsNotShown() async throws {
        // Such a server repeats arguments in its answer to commands it does not know.
        try await PrivateRedis.with(["--rename-command", "AUTH", "HIDDEN"]) { server in
            let url = try RedisURL("unix://:secret-word@\(server.folder.path)/redis.sock")
            let error = await failure { _ = try await RedisConnection(url).call(["PING"]) }
            #expect(error?.code == .configuration)
            #expect(error.map { String(reflecting: $0).contains("secret-word") } == false)
        }
    }

    @Test func unreachableServersAreNamed() async throws {
        let missing = try RedisURL("unix://:sesame@/tmp/packshot-no-such-folder/redis.sock")
        var error = await failure { _ = try await RedisConnection(missing).call(["PING"]) }
        #expect(error?.code == .unreachable && error?.isTransient == true)
        #expect(error?.message.contains("/tmp/packshot-no-such-folder/redis.sock") == true)
        #expect(error?.message.contains("sesame") == false)
        // Port 1 has no server.
        error = await failure { _ = try await RedisConnection(RedisURL("redis://127.0.0.1:1")).call(["PING"]) }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("127.0.0.1:1") == true)
        error = await failure {
            _ = try await RedisConnection(RedisURL("redis://packshot.invalid")).call(["PING"])
        }
        #expect(error?.code == .unreachable)
    }

    @Test func databasesThatDoNotExistAreRefused() async throws {
        try await PrivateRedis.with { server in
            let url = try RedisURL("unix://\(server.folder.path)/redis.sock?db=99")
            let error = await failure { _ = try await RedisConnection(url).call(["PING"]) }
            #expect(error?.code == .configuration)
            let other = RedisConnection(try RedisURL("unix://\(server.folder.path)/redis.sock?db=5"))
            _ = try await other.call(["SET", "here", "1"])
            #expect(try await RedisConnection(server.url).call(["GET", "here"]) == .none)
        }
    }

    @Test func outOfMemoryRefusesWorkAndLetsItBeFinished() async throws {
        try await PrivateRedis.with { server in
            let control = RedisConnection(server.url)
            let queue = try RedisJobQueue(server.url)
            try await queue.dispatch(JobQueueConformance.entries(1...10))
            _ = try await control.call(["CONFIG", "SET", "maxmemory", "1"])

            let late = Date(timeIntervalSinceNow: 60)
            let lane = QueueLane(model: model, priority: 4)
            for entries in [
                JobQueueConformance.entries(11...5000),
                [DispatchEntry(job: JobID(rawValue: 5001), lane: lane, notBefore: late)],
            ] {
                let error = await failure { try await queue.dispatch(entries) }
                #expect(error?.code == .refused && error?.detail == "OOM" && error?.isTransient == true)
            }
            // What is queued can be worked off.
            var taken: [Delivery] = []
            while taken.count < 10 {
                let some = try await queue.claim(model: model, by: ada, limit: 3, wait: .zero)
                try #require(!some.isEmpty)
                taken += some
            }
            try await queue.renew(taken, by: ada)
            try await queue.acknowledge(taken)
            #expect(try await queue.depth(model: model) == QueueDepth(ready: 0, pending: 0, delayed: 0))

            _ = try await control.call(["CONFIG", "SET", "maxmemory", "0"])
            try await queue.dispatch(JobQueueConformance.entries(11...12))
            #expect(try await queue.claim(model: model, by: ada, limit: 3, wait: long).count == 2)
        }
    }

    @Test func replicasAreRefused() async throws {
        try await PrivateRedis.with { server in
            let control = RedisConnection(server.url)
            _ = try await control.call(["REPLICAOF", "127.0.0.1", "1"])
            let queue = try RedisJobQueue(server.url)
            let error = await failure { try await queue.dispatch(JobQueueConformance.entries([1])) }
            #expect(error?.code == .refused && error?.detail == "READONLY")
            let findings = try await RedisServerCheck.run(on: control)
            #expect(findings.first?.severity == .refusal)
            #expect(findings.first?.message.contains("replica") == true)
        }
    }

    @Test func keysOfAnotherTypeAreNamed() async throws {
        try await PrivateRedis.with { server in
            let lane = "packshot:queue:\(model.rawValue.prefix(16)):4"
            _ = try await RedisConnection(server.url).call(["SET", lane, "x"])
            let queue = try RedisJobQueue(server.url)
            let error = await failure { try await queue.dispatch(JobQueueConformance.entries(1...5000)) }
            #expect(error?.code == .conflict && error?.detail == "WRONGTYPE")
            // The connection is as good as before.
            try await queue.dispatch(JobQueueConformance.entries([1], priority: 3))
            #expect(try await queue.depth(model: JobQueueConformance.model("b")).ready == 0)
        }
    }

    @Test func worksWithTheRightsItNeedsOnly() async throws {
        let rules = "user fleet on >word ~packshot:* +@all -@dangerous -@admin -eval"
        try await PrivateRedis.with { server in
            let control = RedisConnection(server.url)
            _ = try await control.call(["ACL", "SETUSER"] + rules.split(separator: " ").dropFirst().map(String.init))
            let url = try RedisURL("unix://fleet:word@\(server.folder.path)/redis.sock")
            let queue = try RedisJobQueue(url)
            #expect(try await queue.epoch().isNew)
            try await queue.dispatch(JobQueueConformance.entries(1...2))
            let taken = try await queue.claim(model: model, by: ada, limit: 1, wait: long)
            #expect(taken.map(\.job.rawValue) == [1])
            try await queue.acknowledge(taken)
            try await queue.forget(ada, model: model)
            _ = try await queue.promoteDue(limit: 5)
            #expect(try await queue.heldJobs(model: model).count == 1)
            #expect(try await queue.depth(model: model).ready == 1)
            _ = try await queue.claim(model: model, by: ada, limit: 1, wait: long)
            // CLIENT UNBLOCK is not allowed, so the interrupt closes the connection.
            async let claim = queue.claim(model: model, by: ada, limit: 1, wait: long)
            queue.interrupt()
            #expect(try await claim.isEmpty)
            try await queue.dispatch(JobQueueConformance.entries([3]))
            #expect(try await queue.claim(model: model, by: ada, limit: 1, wait: long).count == 1)
            let findings = try await RedisServerCheck.run(on: RedisConnection(url))
            #expect(findings.allSatisfy { $0.severity == .note } && findings.count == 3)

            let foreign = try RedisJobQueue(url.with(prefix: "other"))
            let error = await failure { try await foreign.dispatch(JobQueueConformance.entries([1])) }
            #expect(error?.code == .configuration && error?.detail == "NOPERM")
        }
    }

    @Test func judgesARealServer() async throws {
        try await PrivateRedis.with(["--maxmemory-policy", "allkeys-lru"]) { server in
            let findings = try await RedisServerCheck.run(on: RedisConnection(server.url))
            #expect(findings.map(\.severity) == [.refusal, .warning])
            #expect(findings.last?.message.contains("Persistence is off") == true)
        }
    }

    @Test(
        arguments: [
            ("MISCONF Redis is configured to save RDB snapshots", .refused), ("LOADING Redis is loading", .refused),
            ("BUSY Redis is busy running a script", .refused), ("NOREPLICAS Not enough good replicas", .refused),
            ("MASTERDOWN Link with MASTER is down", .refused), ("CLUSTERDOWN Hash slot not served", .refused),
            ("NOGROUP No such key", .refused), ("ERR max number of clients reached", .refused),
            ("NOPERM this user has no permissions", .configuration), ("MOVED 3999 127.0.0.1:6381", .configuration),
            ("CROSSSLOT Keys in request don't hash to the same slot", .configuration),
            ("ERR unknown command 'GETEX', with args beginning with: 'a secret'", .configuration),
            ("WRONGTYPE Operation against a key", .conflict), ("ERR something else", .unexpected),
            ("SURPRISE of a kind", .unexpected),
        ] as [(String, StoreError.Code)])
    func errorRepliesKeepTheirMeaning(_ reply: String, _ code: StoreError.Code) async throws {
        try await PrivateRedis.with { server in
            let connection = RedisConnection(server.url)
            let error = await failure {
                _ = try await connection.call(["EVAL", "return redis.error_reply(ARGV[1])", "0", reply])
            }
            #expect(error?.code == code)
            #expect(error?.detail == reply.split(separator: " ").first.map(String.init))
            #expect(error?.message.hasPrefix("Redis at unix://\(server.folder.path)") == true)
            #expect(error?.message.contains("a secret") == false)
            // The connection stays.
            let pong = try await connection.call(["PING"])
            #expect(pong.text == "PONG")
        }
    }

    @Test func copiesRepliesOfAnyShape() async throws {
        try await PrivateRedis.with { server in
            let connection = RedisConnection(server.url)
            let script = "return {1, {'a\\0\\r\\n', {}}, false, {err = 'ODD thing'}, {ok = 'FINE'}}"
            #expect(
                try await connection.call(["EVAL", script, "0"])
                    == .array([
                        .integer(1), .array([.bytes([97, 0, 13, 10]), .array([])]), .none, .error("ODD thing"),
                        .bytes(Array("FINE".utf8)),
                    ]))
            #expect(try await connection.call(["GET", "none"]) == .none)
            let odd = "🐎\0\r\n$-1\r\n"
            _ = try await connection.call(["SET", odd, odd])
            #expect(try await connection.call(["GET", odd]).text == odd)
        }
    }
}

@Suite(.enabled(if: RedisFixture.isAvailable, "needs REDIS_URL"))
struct RedisTestsRan {
    /// `ops/test` looks for this line: a run in which these tests did not happen must not pass.
    @Test func ran() {
        print("integration tests ran: PackshotRedisIntegrationTests")
    }
}
