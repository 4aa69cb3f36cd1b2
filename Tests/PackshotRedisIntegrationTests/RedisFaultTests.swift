import Foundation
import PackshotJobs
import PackshotRedis
import PackshotTestSupport
import Synchronization
import Testing

/// Servers and connections that go away in the middle.
@Suite(.enabled(if: PrivateRedis.isAvailable, "needs redis-server"))
struct RedisFaultTests {
    /// Returns when the server has a client that blocks.
    private func waitForBlockedClient(_ control: RedisConnection) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            let info = try await control.call(["INFO", "clients"]).text ?? ""
            if info.contains("blocked_clients:1") { return }
            try #require(.now < deadline, "no claim blocks")
            await Task.yield()
        }
    }

    @Test func killedConnectionIsMadeAnew() async throws {
        try await PrivateRedis.with { server in
            let control = RedisConnection(server.url)
            let queue = try RedisJobQueue(server.url)
            let claim = Task { try await queue.claim(model: model, by: ada, limit: 1, wait: long) }
            try await waitForBlockedClient(control)
            _ = try await control.call(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            let error = await #expect(throws: StoreError.self) { try await claim.value }
            #expect(error?.code == .unreachable)
            try await queue.dispatch(JobQueueConformance.entries([1]))
            #expect(try await queue.claim(model: model, by: ada, limit: 1, wait: long).count == 1)
        }
    }

    @Test func killsUnderLoadLoseNothing() async throws {
        try await PrivateRedis.with { server in
            let total = 5000
            let control = RedisConnection(server.url)
            let producer = try RedisJobQueue(server.url)
            let workers = try [ada, bob].map { (try RedisJobQueue(server.url), $0) }
            let isAllDispatched = Flag()
            let done = try await withThrowingTaskGroup(of: Set<JobID>?.self) { group in
                for (queue, worker) in workers {
                    group.addTask {
                        var done: Set<JobID> = []
                        while !Task.isCancelled {
                            do {
                                var taken = try await queue.claim(
                                    model: model, by: worker, limit: 5, wait: .milliseconds(2))
                                if taken.isEmpty {
                                    // What a broken connection left behind.
                                    taken = try await queue.takeOver(
                                        model: model, by: worker, idleFor: .milliseconds(200), limit: 100)
                                    let depth = try await queue.depth(model: model)
                                    if isAllDispatched.isRaised, taken.isEmpty,
                                        depth == QueueDepth(ready: 0, pending: 0, delayed: 0)
                                    {
                                        break
                                    }
                                }
                                done.formUnion(taken.map(\.job))
                                try await queue.acknowledge(taken)
                            } catch let error as StoreError where error.code == .unreachable {
                                continue
                            }
                        }
                        return done
                    }
                }
                group.addTask {
                    while !Task.isCancelled {
                        _ = try await control.call(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                    return nil
                }
                // The producer is killed too, and repeats what failed.
                for start in stride(from: 1, through: total, by: 100) {
                    while true {
                        do {
                            try await producer.dispatch(
                                JobQueueConformance.entries(Int64(start)..<Int64(start + 100)))
                            break
                        } catch let error as StoreError where error.code == .unreachable {
                            continue
                        }
                    }
                }
                isAllDispatched.raise()
                var done: Set<JobID> = []
                var finished = 0
                for try await some in group {
                    done.formUnion(some ?? [])
                    finished += some == nil ? 0 : 1
                    if finished == workers.count { group.cancelAll() }
                }
                return done
            }
            #expect(done == Set((1...total).map { JobID(rawValue: Int64($0)) }))
        }
    }

    @Test func flushInTheMiddleHeals() async throws {
        try await PrivateRedis.with { server in
            let control = RedisConnection(server.url)
            let queue = try RedisJobQueue(server.url)
            let before = try await queue.epoch()
            for job: Int64 in 1...3 {
                let claim = Task { try await queue.claim(model: model, by: ada, limit: 1, wait: long) }
                try await waitForBlockedClient(control)
                _ = try await control.call(["FLUSHALL"])
                _ = try await control.call(["SCRIPT", "FLUSH"])
                try await queue.dispatch(JobQueueConformance.entries([job]))
                #expect(try await claim.value.map(\.job.rawValue) == [job])
            }
            let after = try await queue.epoch()
            #expect(after.isNew && after.id != before.id)
        }
    }

    @Test func groupLostInTheMiddleHeals() async throws {
        try await RedisFaultTests.withLostGroup { queue, control, lane in
            // A claim that looks.
            try await queue.dispatch(JobQueueConformance.entries(1...2))
            _ = try await control.call(["XGROUP", "DESTROY", lane, "workers"])
            #expect(try await queue.claim(model: model, by: ada, limit: 1, wait: .zero).count == 1)
            // A claim that blocks.
            _ = try await queue.claim(model: model, by: ada, limit: 9, wait: .zero)
            let claim = Task { try await queue.claim(model: model, by: ada, limit: 9, wait: long) }
            try await waitForBlockedClient(control)
            _ = try await control.call(["XGROUP", "DESTROY", lane, "workers"])
            // The new group starts at the first entry again: entries are delivered twice rather than never.
            #expect(try await claim.value.map(\.job.rawValue) == [1, 2])
        }
    }

    @Test func entriesOfDeletedConsumersAreDeliveredAgain() async throws {
        try await RedisFaultTests.withLostGroup { queue, control, lane in
            try await queue.dispatch(JobQueueConformance.entries(1...5))
            let held = try await queue.claim(model: model, by: ada, limit: 2, wait: .zero)
            try await queue.redeliverStranded(model: model)
            #expect(try await queue.claim(model: model, by: ada, limit: 1, wait: .zero).map(\.job.rawValue) == [3])
            _ = try await control.call(["XGROUP", "DELCONSUMER", lane, "workers", ada.rawValue])
            #expect(try await queue.claim(model: model, by: ada, limit: 9, wait: .zero).map(\.job.rawValue) == [4, 5])
            try await queue.acknowledge([held[0]])
            try await queue.redeliverStranded(model: model)
            // Also what is held: twice rather than never.
            #expect(
                try await queue.claim(model: model, by: ada, limit: 9, wait: .zero).map(\.job.rawValue) == [2, 3, 4, 5])
        }
    }

    private static func withLostGroup(
        _ body: (RedisJobQueue, RedisConnection, String) async throws -> Void
    ) async throws {
        try await PrivateRedis.with { server in
            let lane = "packshot:queue:\(model.rawValue.prefix(16)):4"
            try await body(try RedisJobQueue(server.url), RedisConnection(server.url), lane)
        }
    }

    @Test func restartInTheMiddleHeals() async throws {
        try await PrivateRedis.with(["--appendonly", "yes"]) { server in
            let control = RedisConnection(server.url)
            let queue = try RedisJobQueue(server.url)
            let store = RedisEmbeddingStore(server.url)
            try await store.store([1, 2, 3], for: [9], by: "a")
            let before = try await queue.epoch()
            try await queue.dispatch(JobQueueConformance.entries(1...2, priority: 5))
            let held = try await queue.claim(model: model, by: ada, limit: 1, wait: .zero)
            let rest = try await queue.claim(model: model, by: ada, limit: 1, wait: .zero)
            try await queue.acknowledge(rest)
            let claim = Task { try await queue.claim(model: model, by: ada, limit: 1, wait: long) }
            try await waitForBlockedClient(control)

            server.kill()
            let error = await #expect(throws: StoreError.self) { try await claim.value }
            #expect(error?.code == .unreachable)
            await #expect(throws: StoreError.self) { try await queue.acknowledge(held) }
            await #expect(throws: StoreError.self) { try await store.counters() }
            try await server.start()

            // The very next calls work, without scripts, on new connections.
            try await queue.renew(held, by: ada)
            #expect(try await queue.depth(model: model) == QueueDepth(ready: 0, pending: 1, delayed: 0))
            try await queue.acknowledge(held)
            #expect(try await store.embedding(for: [9]) == [1, 2, 3])
            try await queue.dispatch(JobQueueConformance.entries([3]))
            #expect(try await queue.claim(model: model, by: ada, limit: 1, wait: long).count == 1)
            // The data is the old, but what the last second wrote could have been lost.
            let after = try await queue.epoch()
            #expect(!after.isNew && after.id != before.id)
        }
    }

    @Test func silentServerEndsCallsInTime() async throws {
        try await PrivateRedis.with { server in
            let timeouts = RedisTimeouts(connect: .seconds(1), command: .milliseconds(300))
            let queue = try RedisJobQueue(server.url, timeouts: timeouts)
            _ = try await queue.epoch()
            let start = ContinuousClock.now
            let claim = Task {
                try await queue.claim(model: model, by: ada, limit: 1, wait: .seconds(3))
            }
            try await waitForBlockedClient(RedisConnection(server.url))
            server.pause()
            for call in [{ _ = try await claim.value }, { _ = try await queue.epoch() }] as [() async throws -> Void] {
                let error = await #expect(throws: StoreError.self) { try await call() }
                #expect(error?.code == .unreachable)
                #expect(error?.message.contains("no answer") == true)
            }
            // An interrupt does not wait for the server.
            let waiting = Task { try await queue.claim(model: model, by: ada, limit: 1, wait: long) }
            queue.interrupt()
            _ = try? await waiting.value
            #expect(.now - start < long)
            server.resume()
            _ = try await queue.epoch()
        }
    }

    @Test func interruptOfABlockedClaimDoesNotWaitForASilentServer() async throws {
        try await PrivateRedis.with { server in
            let queue = try RedisJobQueue(server.url)
            let claim = Task { try await queue.claim(model: model, by: ada, limit: 1, wait: long) }
            try await waitForBlockedClient(RedisConnection(server.url))
            server.pause()
            let start = ContinuousClock.now
            queue.interrupt()
            #expect(try await claim.value.isEmpty)
            #expect(.now - start < long)
            server.resume()
            try await queue.dispatch(JobQueueConformance.entries([1]))
            #expect(try await queue.claim(model: model, by: ada, limit: 1, wait: long).count == 1)
        }
    }

    @Test func worksOverTCPWithLogin() async throws {
        let port = Int.random(in: 20_000...60_000)
        try await PrivateRedis.with(
            ["--bind", "127.0.0.1", "--requirepass", "pä ss", "--port", String(port)], login: ":p%C3%A4%20ss@"
        ) { server in
            let url = try RedisURL("redis://default:p%C3%A4%20ss@localhost:\(port)/3?prefix=tcp")
            let queue = try RedisJobQueue(url)
            try await queue.dispatch(JobQueueConformance.entries(1...100))
            async let claim = queue.claim(model: model, by: ada, limit: 200, wait: long)
            let taken = try await claim
            #expect(taken.count == 100)
            async let blocked = queue.claim(model: model, by: ada, limit: 1, wait: long)
            queue.interrupt()
            #expect(try await blocked.isEmpty)
        }
    }
}

/// What one task tells others once.
private final class Flag: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}
