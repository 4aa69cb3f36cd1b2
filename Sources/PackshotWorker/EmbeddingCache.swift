package import Logging
package import PackshotJobs
internal import Synchronization

/// Text embeddings, from the nearest place that has them: this process's memory, the fleet's store, or the encoder.
///
/// A prompt many jobs share is computed once in the fleet: within the process callers of the same key wait for the first
/// (single flight), and between processes the store's lock lets one compute while the others wait for its result, for at
/// most ``lockDuration``. When the store is away the cache computes; it never fails a job.
package final class EmbeddingCache: Sendable {
    /// How long a worker may keep others waiting for an embedding it computes.
    package static let lockDuration: Duration = .seconds(20)

    private let memory: EmbeddingLRU
    private let store: any EmbeddingStore
    private let holder: String
    private let logger: Logger
    private let clock: any WorkerClock
    /// What is being fetched or computed.
    private let inFlight = Monitor<Set<[UInt8]>>([])
    private let uncounted = Mutex<[EmbeddingSource: Int]>([:])

    /// - Parameters:
    ///   - memoryBytes: Bytes kept in this process.
    ///   - holder: Names this process in the store's locks.
    package init(
        memoryBytes: Int, store: any EmbeddingStore, holder: String, clock: any WorkerClock = SystemClock(),
        logger: Logger
    ) {
        self.memory = EmbeddingLRU(capacity: memoryBytes)
        self.store = store
        self.holder = holder
        self.clock = clock
        self.logger = logger
    }

    /// The embedding under a key, and where it came from.
    /// - Parameter compute: Runs the encoder; called at most once, and only if nobody else has the value.
    /// - Throws: What `compute` throws.
    package func embedding(
        for key: [UInt8], compute: @escaping @Sendable () async throws -> [UInt8]
    ) async throws -> (value: [UInt8], source: EmbeddingSource) {
        while true {
            if let value = inMemory(key) { return (value, .memory) }
            if inFlight.change({ $0.insert(key).inserted }) { break }
            await inFlight.wait { !$0.contains(key) }
            try Task.checkCancellation()
        }
        defer { inFlight.change { _ = $0.remove(key) } }
        let found = try await fetchOrCompute(key, compute)
        memory.store(found.value, for: key)
        note(found.source)
        return found
    }

    /// The embedding under a key if this process's memory has it, without a wait.
    package func inMemory(_ key: [UInt8]) -> [UInt8]? {
        guard let value = memory.value(for: key) else { return nil }
        note(.memory)
        return value
    }

    private func note(_ source: EmbeddingSource) {
        uncounted.withLock { $0[source, default: 0] += 1 }
    }

    private func fetchOrCompute(
        _ key: [UInt8], _ compute: @Sendable () async throws -> [UInt8]
    ) async throws -> (value: [UInt8], source: EmbeddingSource) {
        var hasLock = false
        do {
            let deadline = clock.now + Self.lockDuration
            var pause = Duration.milliseconds(2)
            while true {
                if let value = try await store.embedding(for: key) { return (value, .redis) }
                hasLock = try await store.tryLock(key, holder: holder, duration: Self.lockDuration)
                if hasLock || clock.now >= deadline { break }
                try await clock.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(100))
            }
            // Between the miss and the lock another worker may have finished.
            if hasLock, let value = try await store.embedding(for: key) {
                try await store.unlock(key, holder: holder)
                return (value, .redis)
            }
        } catch let error as StoreError {
            logger.warning("embedding store is away, computing", metadata: ["error": "\(error)"])
        }
        do {
            let value = try await compute()
            do {
                try await store.store(value, for: key, by: holder)
            } catch let error as StoreError {
                logger.warning("embedding not shared with the fleet", metadata: ["error": "\(error)"])
            }
            return (value, .encoder)
        } catch {
            if hasLock { try? await store.unlock(key, holder: holder) }
            throw error
        }
    }

    /// Bytes of embeddings in this process's memory, keys included.
    package var bytesInMemory: Int { memory.byteCount }

    /// Adds what was found since the last call to the fleet's counters. They are for people: when the store is away, the
    /// numbers wait for the next call.
    package func publishCounts() async {
        let counts = uncounted.withLock { uncounted in
            defer { uncounted = [:] }
            return uncounted
        }
        guard !counts.isEmpty else { return }
        do {
            try await store.count(counts)
        } catch {
            uncounted.withLock { $0.merge(counts) { $0 + $1 } }
        }
    }
}
