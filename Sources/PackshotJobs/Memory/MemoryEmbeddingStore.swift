package import Foundation
internal import Synchronization

/// An embedding cache in this process's memory, with the promises of the one in Redis: for tests and for runs of one
/// process.
package final class MemoryEmbeddingStore: EmbeddingStore {
    private struct State {
        var values: [[UInt8]: (bytes: [UInt8], expiry: Date)] = [:]
        var locks: [[UInt8]: (holder: String, expiry: Date)] = [:]
        var counters: [EmbeddingSource: Int] = [:]
        var isReachable = true
    }

    private let state = Mutex(State())
    private let timeToLive: TimeInterval
    private let maxBytes: Int
    private let now: @Sendable () -> Date

    /// An empty store.
    /// - Parameters:
    ///   - timeToLive: Seconds an embedding is kept after its last use.
    ///   - maxBytes: Larger embeddings are not kept.
    ///   - now: The clock for both kinds of expiry.
    package init(
        timeToLive: TimeInterval = 7 * 86_400, maxBytes: Int = 16 << 20,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.timeToLive = timeToLive
        self.maxBytes = maxBytes
        self.now = now
    }

    /// Makes the store fail with `.unreachable`, or work again.
    package func setReachable(_ isReachable: Bool) { state.withLock { $0.isReachable = isReachable } }

    package func embedding(for key: [UInt8]) async throws -> [UInt8]? {
        try change { state, now in
            guard let value = state.values[key], value.expiry > now else {
                state.values[key] = nil
                return nil
            }
            state.values[key]?.expiry = now + timeToLive
            return value.bytes
        }
    }

    package func store(_ embedding: [UInt8], for key: [UInt8], by holder: String) async throws {
        try change { state, now in
            if embedding.count <= maxBytes { state.values[key] = (embedding, now + timeToLive) }
            if state.locks[key]?.holder == holder { state.locks[key] = nil }
        }
    }

    package func tryLock(_ key: [UInt8], holder: String, duration: Duration) async throws -> Bool {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        return try change { state, now in
            if let lock = state.locks[key], lock.holder != holder, lock.expiry > now { return false }
            state.locks[key] = (holder, now + seconds)
            return true
        }
    }

    package func unlock(_ key: [UInt8], holder: String) async throws {
        try change { state, _ in
            if state.locks[key]?.holder == holder { state.locks[key] = nil }
        }
    }

    package func count(_ hits: [EmbeddingSource: Int]) async throws {
        try change { state, _ in
            for (source, count) in hits where count != 0 { state.counters[source, default: 0] += count }
        }
    }

    package func counters() async throws -> [EmbeddingSource: Int] {
        try change { state, _ in state.counters }
    }

    private func change<R>(_ body: (inout State, Date) -> R) throws -> R {
        try state.withLock { state in
            guard state.isReachable else {
                throw StoreError(.redis, .unreachable, "the embedding store in memory was made unreachable")
            }
            return body(&state, now())
        }
    }
}
