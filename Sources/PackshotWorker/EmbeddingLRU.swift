internal import Synchronization

/// The embeddings used last, up to a number of bytes.
final class EmbeddingLRU: Sendable {
    private struct Entry {
        let value: [UInt8]
        var lastUse: UInt64
    }

    private struct State {
        var entries: [[UInt8]: Entry] = [:]
        var bytes = 0
        var uses: UInt64 = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: Bytes of embeddings to keep at most; 0 keeps none.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The value under a key, which becomes the most recently used.
    func value(for key: [UInt8]) -> [UInt8]? {
        state.withLock { state in
            state.uses += 1
            guard let place = state.entries.index(forKey: key) else { return nil }
            state.entries.values[place].lastUse = state.uses
            return state.entries.values[place].value
        }
    }

    /// Stores a value; the least recently used ones make room. A value above the capacity is not stored.
    func store(_ value: [UInt8], for key: [UInt8]) {
        let size = value.count + key.count
        guard size <= capacity else { return }
        state.withLock { state in
            state.uses += 1
            if let old = state.entries.removeValue(forKey: key) { state.bytes -= old.value.count + key.count }
            while state.bytes + size > capacity, !state.entries.isEmpty {
                // Evicting a quarter at a time keeps the scan for the oldest rare.
                let oldest = state.entries.sorted { $0.value.lastUse < $1.value.lastUse }
                for (key, entry) in oldest.prefix(max(1, oldest.count / 4)) {
                    state.entries.removeValue(forKey: key)
                    state.bytes -= entry.value.count + key.count
                }
            }
            state.entries[key] = Entry(value: value, lastUse: state.uses)
            state.bytes += size
        }
    }

    /// Bytes held, keys included.
    var byteCount: Int { state.withLock { $0.bytes } }
}
