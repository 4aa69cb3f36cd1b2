import Foundation
import PackshotJobs
import PackshotRedis
import PackshotTestSupport
import Testing

/// What is particular to the queue in Redis.
@Suite(.enabled(if: RedisFixture.isAvailable, "needs REDIS_URL"))
struct RedisJobQueueTests {
    @Test func dispatchesFastAndLean() async throws {
        try await RedisFixture.with { redis in
            let count: Int64 = 100_000
            let queue = try redis.queue()
            let entries = JobQueueConformance.entries(1_000_000_001...(1_000_000_000 + count))
            let spent = try await ContinuousClock().measure { try await queue.dispatch(entries) }
            let bytes = try await redis.control.call(["MEMORY", "USAGE", redis.laneKey(), "SAMPLES", "0"]).number ?? 0
            print("dispatched \(Int(Double(count) / (spent / .seconds(1))))/s, \(bytes / count) bytes a job")
            #expect(bytes / count <= 120)

            #expect(try await queue.heldJobs(model: model).count == Int(count))
            var last: Int64 = 1_000_000_000
            while last < 1_000_000_000 + count {
                let taken = try await queue.claim(model: model, by: ada, limit: 500, wait: .zero)
                try #require(!taken.isEmpty)
                for delivery in taken {
                    #expect(delivery.job.rawValue == last + 1)
                    last = delivery.job.rawValue
                }
                try await queue.acknowledge(taken)
            }
            #expect(try await redis.control.call(["XLEN", redis.laneKey()]) == .integer(0))
        }
    }

    @Test func neverPromotesEarly() async throws {
        try await RedisFixture.with { redis in
            let queue = try redis.queue()
            let due = Date(timeIntervalSinceNow: 0.25)
            let entry = DispatchEntry(
                job: JobID(rawValue: 1), lane: QueueLane(model: model, priority: 4), notBefore: due)
            try await queue.dispatch([entry])
            // Asking without a pause meets the moment closely.
            while try await queue.promoteDue(limit: 10).moved == 0 {
                try #require(Date.now < due + 10)
            }
            // The id of an entry begins with the server's time when it was added.
            let delivery = try #require(try await queue.claim(model: model, by: ada, limit: 1, wait: .zero).first)
            let added = try #require(Double(delivery.entry.prefix { $0 != "-" }))
            #expect(added >= due.timeIntervalSince1970 * 1000)
        }
    }

    @Test func fleetSharesTheWorkExactly() async throws {
        try await RedisFixture.with { redis in
            let total: Int64 = 10_000
            try await redis.queue().dispatch(
                JobQueueConformance.entries(1...(total / 2), priority: 2)
                    + JobQueueConformance.entries((total / 2 + 1)...total, priority: 7))
            let taken = try await withThrowingTaskGroup(of: [Int64].self) { group in
                for number in 1...6 {
                    let queue = try redis.queue()
                    group.addTask {
                        let worker = WorkerID(rawValue: "w.\(number).a")
                        var mine: [Int64] = []
                        while true {
                            let some = try await queue.claim(model: model, by: worker, limit: number, wait: .zero)
                            if some.isEmpty { return mine }
                            mine += some.map(\.job.rawValue)
                            if mine.count.isMultiple(of: 3) { try await queue.renew(some, by: worker) }
                            try await queue.acknowledge(some)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(taken.count == Int(total))
            #expect(Set(taken) == Set(1...total))
        }
    }

    @Test func servesWaitingWorkersOnceEach() async throws {
        try await RedisFixture.with { redis in
            let producer = try redis.queue()
            try await withThrowingTaskGroup(of: [Int64].self) { group in
                for number in 1...8 {
                    let queue = try redis.queue()
                    group.addTask {
                        try await queue.claim(
                            model: model, by: WorkerID(rawValue: "w.\(number).a"), limit: 1, wait: long
                        ).map(\.job.rawValue)
                    }
                }
                for job: Int64 in 1...8 {
                    try await producer.dispatch(JobQueueConformance.entries([job], priority: Int(job)))
                }
                var all: [Int64] = []
                for try await some in group {
                    #expect(some.count == 1)
                    all += some
                }
                #expect(all.sorted() == Array(1...8))
            }
        }
    }

    @Test func removesEntriesItCannotRead() async throws {
        try await RedisFixture.with { redis in
            let queue = try redis.queue()
            for value in ["", "one", "1.5", "99999999999999999999", "\u{1F40E}\0\r\n"] {
                _ = try await redis.control.call(["XADD", redis.laneKey(), "*", "j", value])
            }
            _ = try await redis.control.call(["XADD", redis.laneKey(), "*", "other", "7", "more", "8"])
            try await queue.dispatch(JobQueueConformance.entries([42]))
            var taken = try await queue.claim(model: model, by: ada, limit: 10, wait: .zero)
            #expect(taken.map(\.job.rawValue) == [7, 42])
            #expect(try await redis.control.call(["XLEN", redis.laneKey()]) == .integer(2))
            // Also when they wake a claim, which then goes on waiting.
            async let claim = queue.claim(model: model, by: ada, limit: 1, wait: long)
            _ = try await redis.control.call(["XADD", redis.laneKey(3), "*", "j", "?"])
            try await queue.dispatch(JobQueueConformance.entries([43]))
            taken = try await claim
            #expect(taken.map(\.job.rawValue) == [43])
        }
    }

    @Test func clearsGhostsOfDeletedEntries() async throws {
        try await RedisFixture.with { redis in
            let queue = try redis.queue()
            try await queue.dispatch(JobQueueConformance.entries(1...3))
            let held = try await queue.claim(model: model, by: ada, limit: 2, wait: .zero)
            // As if an acknowledgement had been cut in half.
            _ = try await redis.control.call(["XDEL", redis.laneKey(), held[0].entry])
            #expect(try await queue.heldJobs(model: model).count == 2)
            let taken = try await queue.takeOver(model: model, by: bob, idleFor: .zero, limit: 10)
            #expect(taken == [held[1]])
            #expect(try await queue.depth(model: model) == QueueDepth(ready: 1, pending: 1, delayed: 0))
        }
    }

    @Test func forgetsNamesThatHoldNothing() async throws {
        try await RedisFixture.with { redis in
            func names() async throws -> Set<String> {
                let consumers = try await redis.control.call(["XINFO", "CONSUMERS", redis.laneKey(), "workers"])
                return Set(consumers.elements.compactMap { $0.elements[1].text })
            }
            let queue = try redis.queue()
            try await queue.dispatch(JobQueueConformance.entries(1...2))
            let adas = try await queue.claim(model: model, by: ada, limit: 1, wait: .zero)
            let bobs = try await queue.claim(model: model, by: bob, limit: 1, wait: .zero)
            #expect(try await names() == [ada.rawValue, bob.rawValue])
            try await queue.acknowledge(adas)
            try await queue.forget(ada, model: model)
            try await queue.forget(bob, model: model)
            #expect(try await names() == [bob.rawValue])
            try await queue.acknowledge(bobs)
            try await queue.forget(bob, model: model)
            #expect(try await names() == [])
        }
    }

    @Test func prefixesKeepFleetsApart() async throws {
        try await RedisFixture.with { one in
            try await RedisFixture.with { two in
                try await one.queue().dispatch(JobQueueConformance.entries([1]))
                #expect(try await two.queue().claim(model: model, by: ada, limit: 1, wait: .zero).isEmpty)
                #expect(try await one.queue().epoch().id != two.queue().epoch().id)
            }
        }
    }

    @Test func leavesOnlyKeysOfItsPrefix() async throws {
        try await RedisFixture.with { redis in
            let queue = try redis.queue()
            let store = RedisEmbeddingStore(redis.url)
            let lane = QueueLane(model: model, priority: 4)
            try await queue.dispatch([DispatchEntry(job: JobID(rawValue: 1), lane: lane, notBefore: .now)])
            _ = try await queue.promoteDue(limit: 1)
            _ = try await queue.claim(model: model, by: ada, limit: 1, wait: .milliseconds(1))
            _ = try await queue.epoch()
            _ = try await store.tryLock([1], holder: "a", duration: .seconds(9))
            try await store.store([1], for: [2], by: "a")
            try await store.count([.memory: 1])
            let keys = try await redis.control.call(["KEYS", "*\(redis.url.prefix)*"]).elements.compactMap(\.text)
            #expect(keys.allSatisfy { $0.hasPrefix("\(redis.url.prefix):") })
            #expect(keys.count >= 6)
        }
    }
}
