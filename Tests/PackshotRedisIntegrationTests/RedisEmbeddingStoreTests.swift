import Foundation
import PackshotJobs
import PackshotRedis
import Testing

/// What is particular to the embedding cache in Redis.
@Suite(.enabled(if: RedisFixture.isAvailable, "needs REDIS_URL"))
struct RedisEmbeddingStoreTests {
    private static let key = [UInt8](repeating: 0xAB, count: 32)
    private func name(_ redis: RedisFixture) -> String {
        "\(redis.url.prefix):embedding:\(String(repeating: "ab", count: 32))"
    }

    @Test func keepsEightMegabytesExactly() async throws {
        try await RedisFixture.with { redis in
            let store = RedisEmbeddingStore(redis.url)
            var state: UInt64 = 88_172_645_463_325_252
            let value = (0..<8_000_001).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return UInt8(truncatingIfNeeded: state)
            }
            try await store.store(value, for: Self.key, by: "a")
            #expect(try await RedisEmbeddingStore(redis.url).embedding(for: Self.key) == value)
            #expect(try await store.embedding(for: [1]) == nil)
            let ttl = try await redis.control.call(["PTTL", name(redis)]).number ?? 0
            #expect(ttl > 6 * 86_400_000 && ttl <= 7 * 86_400_000)
        }
    }

    @Test(arguments: [
        ["SETRANGE", "40", "x"], ["SETRANGE", "0", "PKE2"], ["SETRANGE", "10", "x"], ["APPEND", "x"],
        ["SET", ""], ["SET", "short"], ["SET", "PKE1 and then some more, but no digest of anything"],
    ])
    func treatsDamagedValuesAsMissing(_ damage: [String]) async throws {
        try await RedisFixture.with { redis in
            let store = RedisEmbeddingStore(redis.url)
            try await store.store(Array("embedding".utf8), for: Self.key, by: "a")
            _ = try await redis.control.call([damage[0], name(redis)] + damage.dropFirst())
            #expect(try await store.embedding(for: Self.key) == nil)
            #expect(try await redis.control.call(["EXISTS", name(redis)]) == .integer(0))
            try await store.store([1], for: Self.key, by: "a")
            #expect(try await store.embedding(for: Self.key) == [1])
        }
    }

    @Test func recognisesValuesUnderAWrongKey() async throws {
        try await RedisFixture.with { redis in
            let store = RedisEmbeddingStore(redis.url)
            try await store.store([1, 2, 3], for: Self.key, by: "a")
            _ = try await redis.control.call(["COPY", name(redis), "\(redis.url.prefix):embedding:cd"])
            #expect(try await store.embedding(for: [0xCD]) == nil)
        }
    }

    @Test func lockOfADeadHolderExpires() async throws {
        try await RedisFixture.with { redis in
            let store = RedisEmbeddingStore(redis.url)
            let start = ContinuousClock.now
            #expect(try await store.tryLock(Self.key, holder: "dead", duration: .milliseconds(80)))
            while try await !store.tryLock(Self.key, holder: "b", duration: .seconds(9)) {
                try #require(.now - start < .seconds(10))
            }
            #expect(.now - start >= .milliseconds(79))
        }
    }

    @Test func singleFlightComputesOnce() async throws {
        try await RedisFixture.with { redis in
            let computed = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...6 {
                    let store = RedisEmbeddingStore(redis.url)
                    group.addTask {
                        var computed = 0
                        while try await store.embedding(for: Self.key) == nil {
                            guard try await store.tryLock(Self.key, holder: "w\(number)", duration: .seconds(30))
                            else { continue }
                            // Another may have stored it between the look and the lock.
                            if try await store.embedding(for: Self.key) == nil {
                                computed += 1
                                try await store.store([7], for: Self.key, by: "w\(number)")
                            } else {
                                try await store.unlock(Self.key, holder: "w\(number)")
                            }
                        }
                        return computed
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(computed == 1)
        }
    }
}
