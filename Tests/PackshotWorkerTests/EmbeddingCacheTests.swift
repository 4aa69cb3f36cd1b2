import Logging
import PackshotJobs
import PackshotWorker
import Synchronization
import Testing

@Suite("The embedding cache")
struct EmbeddingCacheTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private final class Computations: Sendable {
        private let counts = Mutex<[[UInt8]: Int]>([:])
        func note(_ key: [UInt8]) { counts.withLock { $0[key, default: 0] += 1 } }
        var total: Int { counts.withLock { $0.values.reduce(0, +) } }
    }

    private func cache(_ store: any EmbeddingStore, _ holder: String, bytes: Int = 1 << 20) -> EmbeddingCache {
        EmbeddingCache(memoryBytes: bytes, store: store, holder: holder, logger: quiet)
    }

    @Test func theNearestPlaceAnswers() async throws {
        let store = MemoryEmbeddingStore()
        let computations = Computations()
        let key = [UInt8](repeating: 1, count: 32)
        let compute: @Sendable () async throws -> [UInt8] = {
            computations.note(key)
            return [4, 5, 6]
        }
        let first = cache(store, "a")
        #expect(try await first.embedding(for: key, compute: compute).source == .encoder)
        #expect(try await first.embedding(for: key, compute: compute).source == .memory)
        let second = try await cache(store, "b").embedding(for: key, compute: compute)
        #expect(second.source == .redis && second.value == [4, 5, 6])
        #expect(computations.total == 1)
        await first.publishCounts()
        #expect(try await store.counters() == [.encoder: 1, .memory: 1])
    }

    /// Many jobs with one prompt, on two workers at once: the encoder runs once in the fleet.
    @Test func onePromptIsComputedOnceInTheFleet() async throws {
        let store = MemoryEmbeddingStore()
        let computations = Computations()
        let workers = [cache(store, "a"), cache(store, "b"), cache(store, "c")]
        let key = [UInt8](repeating: 2, count: 32)
        let values = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for index in 0..<30 {
                group.addTask {
                    try await workers[index % 3].embedding(for: key) {
                        computations.note(key)
                        try await Task.sleep(for: .milliseconds(50))
                        return [7]
                    }.value
                }
            }
            var all: [[UInt8]] = []
            for try await value in group { all.append(value) }
            return all
        }
        #expect(values.count == 30 && values.allSatisfy { $0 == [7] })
        #expect(computations.total == 1)
    }

    @Test func aStoreThatIsAwayCostsOnlyTime() async throws {
        let store = MemoryEmbeddingStore()
        store.setReachable(false)
        let found = try await cache(store, "a").embedding(for: [1]) { [8] }
        #expect(found.value == [8] && found.source == .encoder)
    }

    @Test func aFailureIsNotRemembered() async throws {
        struct Broken: Error {}
        let store = MemoryEmbeddingStore()
        let one = cache(store, "a")
        await #expect(throws: Broken.self) { try await one.embedding(for: [3]) { throw Broken() } }
        let other = cache(store, "b")
        #expect(try await other.embedding(for: [3]) { [9] }.value == [9], "the right to compute was given back")
    }

    @Test func memoryIsBoundedInBytes() async throws {
        let small = cache(MemoryEmbeddingStore(), "a", bytes: 10_000)
        for index in 0..<100 {
            _ = try await small.embedding(for: [UInt8(index)]) { [UInt8](repeating: 0, count: 1_000) }
        }
        #expect(small.bytesInMemory <= 10_000)
        #expect(small.bytesInMemory > 5_000)
        #expect(try await small.embedding(for: [99]) { [] }.source == .memory, "the last one is still there")
        _ = try await small.embedding(for: [200]) { [UInt8](repeating: 0, count: 20_000) }
        #expect(small.bytesInMemory <= 10_000, "what does not fit is not kept")
    }
}
