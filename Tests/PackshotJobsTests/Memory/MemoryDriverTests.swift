import Foundation
import PackshotJobs
import PackshotTestSupport
import Synchronization
import Testing

/// The drivers in memory keep the promises of the protocols.
@Suite struct MemoryDriverTests {
    @Test(arguments: JobQueueConformance.cases)
    func queueConforms(_ promise: ConformanceCase<JobQueueFixture>) async throws {
        let clock = TestClock()
        let queue = MemoryJobQueue(now: clock.now)
        try await promise.check(
            JobQueueFixture(
                first: queue, second: queue.anotherClient(), age: { clock.advance($0) }, wipe: { queue.wipe() }))
    }

    @Test(arguments: EmbeddingStoreConformance.cases)
    func embeddingStoreConforms(_ promise: ConformanceCase<EmbeddingStoreFixture>) async throws {
        let clock = TestClock()
        let store = MemoryEmbeddingStore(timeToLive: 100, maxBytes: 1_000_000, now: clock.now)
        try await promise.check(EmbeddingStoreFixture(store: store, age: { clock.advance($0) }))
    }

    @Test func failsWhileUnreachable() async throws {
        let queue = MemoryJobQueue()
        let store = MemoryEmbeddingStore()
        let model = JobQueueConformance.model()
        let worker = WorkerID(rawValue: "w.1.a")
        let waiting = Task { try await queue.claim(model: model, by: worker, limit: 1, wait: .seconds(60)) }
        queue.setReachable(false)
        store.setReachable(false)
        for call in [
            { _ = try await waiting.value },
            { try await queue.anotherClient().dispatch(JobQueueConformance.entries([1])) },
            { _ = try await queue.claim(model: model, by: worker, limit: 1, wait: .seconds(60)) },
            { _ = try await store.counters() },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: StoreError.self) { try await call() }
            #expect(error?.code == .unreachable)
        }
        queue.setReachable(true)
        try await queue.dispatch(JobQueueConformance.entries([1]))
        #expect(try await queue.claim(model: model, by: worker, limit: 1, wait: .zero).count == 1)
    }
}

/// Real time plus what the test adds.
private final class TestClock: Sendable {
    private let offset = Mutex(TimeInterval(0))

    var now: @Sendable () -> Date { { Date(timeIntervalSinceNow: self.offset.withLock { $0 }) } }

    func advance(_ duration: Duration) { offset.withLock { $0 += duration / .seconds(1) } }
}
