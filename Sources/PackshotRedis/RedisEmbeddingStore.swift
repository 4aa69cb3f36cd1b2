internal import Digests
package import PackshotJobs

/// The fleet's embedding cache in Redis: strings with a TTL that reading renews, and locks that expire.
///
/// It has a connection of its own, so that megabytes do not stand in a heartbeat's way.
package final class RedisEmbeddingStore: EmbeddingStore {
    private let keys: RedisKeys
    private let connection: RedisConnection
    private let timeToLive: Duration
    private let maxBytes: Int

    /// A store; the connection is made on first use.
    /// - Parameters:
    ///   - timeToLive: How long an embedding is kept after its last use; at least a second.
    ///   - maxBytes: Larger embeddings are not kept.
    package init(
        _ url: RedisURL, timeToLive: Duration = .seconds(7 * 86_400), maxBytes: Int = 16 << 20,
        timeouts: RedisTimeouts = .standard
    ) {
        precondition(timeToLive >= .seconds(1) && maxBytes >= 0, "an embedding store's limits are out of range")
        keys = RedisKeys(prefix: url.prefix)
        connection = RedisConnection(url, timeouts: timeouts, label: "packshot.redis.embeddings")
        self.timeToLive = timeToLive
        self.maxBytes = maxBytes
    }

    /// Makes the connection now.
    /// - Throws: ``StoreError``.
    package func open() async throws { try await connection.open() }

    /// Closes the connection. The next call makes it anew.
    package func close() async { await connection.close() }

    package func embedding(for key: [UInt8]) async throws -> [UInt8]? {
        let name = keys.embedding(key.hexadecimal)
        let expiry = String(timeToLive.milliseconds(.up))
        return try await connection.perform { session in
            var isDamaged = false
            let found = try session.call(["GETEX", name, "PX", expiry]) { node -> [UInt8]? in
                guard let bytes = node.bytes else { return nil }
                let embedding = EmbeddingEnvelope.open(bytes, key: key)
                isDamaged = embedding == nil
                return embedding
            }
            // If somebody stored a good value in between, it is computed once more: dear, not wrong.
            if isDamaged { try session.call(["UNLINK", name]) { _ in } }
            return found
        }
    }

    package func store(_ embedding: [UInt8], for key: [UInt8], by holder: String) async throws {
        let hex = key.hexadecimal
        let expiry = String(timeToLive.milliseconds(.up))
        try await connection.perform { [keys, maxBytes] session in
            if embedding.count <= maxBytes {
                let sealed = EmbeddingEnvelope.seal(embedding, key: key)
                try session.append(5) { buffer in
                    buffer.bulk("SET")
                    buffer.bulk(keys.embedding(hex))
                    buffer.bulk(sealed)
                    buffer.bulk("PX")
                    buffer.bulk(expiry)
                }
                try session.receive { _ in }
            }
            try Self.release(keys.embeddingLock(hex), holder, session)
        }
    }

    package func tryLock(_ key: [UInt8], holder: String, duration: Duration) async throws -> Bool {
        let name = keys.embeddingLock(key.hexadecimal)
        let expiry = String(max(1, duration.milliseconds(.up)))
        return try await connection.perform { session in
            try EmbeddingScripts.lock.run(on: session, keys: [name], arguments: [holder, expiry]) { $0.integer == 1 }
        }
    }

    package func unlock(_ key: [UInt8], holder: String) async throws {
        let name = keys.embeddingLock(key.hexadecimal)
        try await connection.perform { session in try Self.release(name, holder, session) }
    }

    package func count(_ hits: [EmbeddingSource: Int]) async throws {
        let counted = hits.filter { $0.value != 0 }
        try await connection.perform { [keys] session in
            for (source, count) in counted {
                try session.append(["HINCRBY", keys.embeddingHits, source.rawValue, String(count)])
            }
            try session.receiveAll(counted.count)
        }
    }

    package func counters() async throws -> [EmbeddingSource: Int] {
        try await connection.perform { [keys] session in
            try session.call(["HGETALL", keys.embeddingHits]) { node in
                var counters: [EmbeddingSource: Int] = [:]
                for index in stride(from: 0, to: node.count - 1, by: 2) {
                    guard let source = node[index]?.string.flatMap(EmbeddingSource.init(rawValue:)) else { continue }
                    counters[source] = node[index + 1]?.integer.map(Int.init)
                }
                return counters
            }
        }
    }

    private static func release(_ lock: String, _ holder: String, _ session: RedisSession) throws {
        try EmbeddingScripts.unlock.run(on: session, keys: [lock], arguments: [holder]) { _ in }
    }
}

/// The lock's two scripts. KEYS: the lock; ARGV: the holder, and for how many milliseconds.
private enum EmbeddingScripts {
    /// Takes the lock if it is free or the holder's own, so that a call whose answer was lost can be repeated.
    static let lock = RedisScript(
        """
        local holder = redis.call('GET', KEYS[1])
        if holder and holder ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1
        """)

    /// Deletes the lock if it is the holder's.
    static let unlock = RedisScript(
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
        return 0
        """)
}
