import PackshotRedis
import PackshotTestSupport
import Testing

/// The drivers on Redis keep the promises of the protocols.
@Suite(.enabled(if: RedisFixture.isAvailable, "needs REDIS_URL"))
struct ConformanceTests {
    @Test(arguments: JobQueueConformance.cases)
    func queueConforms(_ promise: ConformanceCase<JobQueueFixture>) async throws {
        try await RedisFixture.with { redis in try await promise.check(redis.conformance()) }
    }

    @Test(arguments: EmbeddingStoreConformance.cases)
    func embeddingStoreConforms(_ promise: ConformanceCase<EmbeddingStoreFixture>) async throws {
        try await RedisFixture.with { redis in
            let store = RedisEmbeddingStore(redis.url, timeToLive: .seconds(100), maxBytes: 1_000_000)
            try await promise.check(EmbeddingStoreFixture(store: store, age: redis.age))
        }
    }
}
