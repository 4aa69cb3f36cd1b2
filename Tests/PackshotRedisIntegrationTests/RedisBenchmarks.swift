import Foundation
import PackshotJobs
import PackshotRedis
import PackshotTestSupport
import Testing

/// What the queue does in a second, in numbers for the documentation. They assert nothing: run them alone, on an idle
/// machine, with `PACKSHOT_BENCHMARKS=1 swift test -c release --filter RedisBenchmarks`.
@Suite(
    .serialized, .enabled(if: RedisFixture.isAvailable, "needs REDIS_URL"),
    .enabled(if: ProcessInfo.processInfo.environment["PACKSHOT_BENCHMARKS"] != nil, "needs PACKSHOT_BENCHMARKS"))
struct RedisBenchmarks {
    private func report(_ name: String, _ count: Int, _ spent: Duration) {
        let perSecond = Double(count) / (spent / .seconds(1))
        print("\(name): \(Int(perSecond))/s (\(count) in \(Int(spent / .milliseconds(1))) ms)")
    }

    private func usedMemory(_ redis: RedisFixture) async throws -> Int {
        let info = try await redis.control.call(["INFO", "memory"]).text ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
        return line.flatMap { Int($0.dropFirst("used_memory:".count)) } ?? 0
    }

    @Test func dispatchHoldAndMemoryOfAMillion() async throws {
        try await RedisFixture.with { redis in
            let count = 1_000_000
            let queue = try redis.queue()
            try await queue.dispatch(JobQueueConformance.entries([1], priority: 0))
            let before = try await usedMemory(redis)
            let entries = JobQueueConformance.entries(123_000_000..<Int64(123_000_000 + count))
            let clock = ContinuousClock()
            report("dispatch", count, try await clock.measure { try await queue.dispatch(entries) })
            let after = try await usedMemory(redis)
            print("memory of a queued job: \(Double(after - before) / Double(count)) bytes")
            let spent = try await clock.measure { _ = try await queue.heldJobs(model: model) }
            report("heldJobs", count, spent)
            report("depth", 1, try await clock.measure { _ = try await queue.depth(model: model) })
            let held = 100_000
            for _ in 0..<(held / 1000) {
                _ = try await queue.claim(model: model, by: ada, limit: 1000, wait: .zero)
            }
            let claimed = try await usedMemory(redis)
            print("memory of a pending job, besides: \(Double(claimed - after) / Double(held)) bytes")
            report(
                "takeOver look, 100k pending", 1,
                try await clock.measure {
                    _ = try await queue.takeOver(model: model, by: bob, idleFor: .seconds(900), limit: 100)
                })
        }
    }

    @Test func delayedEntries() async throws {
        try await RedisFixture.with { redis in
            let count = 200_000
            let queue = try redis.queue()
            let lane = QueueLane(model: model, priority: 4)
            let entries = (0..<count).map {
                DispatchEntry(job: JobID(rawValue: Int64($0)), lane: lane, notBefore: Date(timeIntervalSinceNow: -1))
            }
            let clock = ContinuousClock()
            report("dispatch delayed", count, try await clock.measure { try await queue.dispatch(entries) })
            report(
                "promote, 500 at a time", count,
                try await clock.measure {
                    while try await queue.promoteDue(limit: 500).moved > 0 {}
                })
        }
    }

    @Test(arguments: [1, 16, 100])
    func claimAndAcknowledge(_ limit: Int) async throws {
        try await RedisFixture.with { redis in
            let queue = try redis.queue()
            let count = limit == 1 ? 50_000 : 300_000
            try await queue.dispatch(JobQueueConformance.entries(0..<Int64(count)))
            var done = 0
            let spent = try await ContinuousClock().measure {
                while true {
                    let taken = try await queue.claim(model: model, by: ada, limit: limit, wait: .zero)
                    if taken.isEmpty { break }
                    try await queue.acknowledge(taken)
                    done += taken.count
                }
            }
            #expect(done == count)
            report("claim + acknowledge, limit \(limit)", count, spent)
        }
    }

    @Test func roundTrips() async throws {
        try await RedisFixture.with { redis in
            let count = 30_000
            let spent = try await ContinuousClock().measure {
                for _ in 0..<count { _ = try await redis.control.call(["PING"]) }
            }
            report("round trips over a connection's own thread", count, spent)
        }
    }

    @Test func pickupLatency() async throws {
        try await RedisFixture.with { redis in
            let queue = try redis.queue()
            let producer = try redis.queue()
            var samples: [Duration] = []
            for job: Int64 in 0..<3000 {
                let claim = Task {
                    let taken = try await queue.claim(model: model, by: ada, limit: 1, wait: long)
                    return (taken, ContinuousClock.now)
                }
                // Time for the claim to block.
                try await Task.sleep(for: .milliseconds(2))
                let start = ContinuousClock.now
                try await producer.dispatch(JobQueueConformance.entries([job]))
                let (taken, end) = try await claim.value
                samples.append(end - start)
                try await queue.acknowledge(taken)
            }
            samples.sort()
            func microseconds(_ share: Double) -> Int {
                Int(samples[Int(share * Double(samples.count - 1))] / .microseconds(1))
            }
            print("pickup, dispatch call to claim's return: p50 \(microseconds(0.5)) us, p99 \(microseconds(0.99)) us")
        }
    }

    @Test func embeddingsOfTwoMegabytes() async throws {
        try await RedisFixture.with { redis in
            let store = RedisEmbeddingStore(redis.url)
            let value = (0..<2_359_296).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761) }
            let clock = ContinuousClock()
            report(
                "embedding store, 2.25 MiB", 50,
                try await clock.measure {
                    for key: UInt8 in 0..<50 { try await store.store(value, for: [key], by: "a") }
                })
            report(
                "embedding read, 2.25 MiB", 50,
                try await clock.measure {
                    for key: UInt8 in 0..<50 { _ = try await store.embedding(for: [key]) }
                })
        }
    }
}
