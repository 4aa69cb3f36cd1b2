package import PackshotJobs

/// Whose the keys under a prefix are.
///
/// The first ledger that comes marks them; with another's, packshot does nothing: two ledgers on one queue would take and throw away
/// each other's jobs. After a wipe the first that comes marks them again.
package struct QueueOwner: Sendable {
    let mark: LedgerMark
    private let key: String
    private let server: String
    private let prefix: String

    /// For how long an answer is trusted before claims and dispatches ask again.
    static let trusted = Duration.seconds(1)

    package init(mark: LedgerMark, url: RedisURL) {
        self.mark = mark
        key = RedisKeys(prefix: url.prefix).ledger
        server = url.description
        prefix = url.prefix
    }

    /// How the keys stand to the ledger.
    package func standing(_ connection: RedisConnection) async throws -> MarkStanding {
        try await connection.perform { session in
            MarkStanding(of: try session.call(["GET", key]) { $0.string }, to: mark)
        }
    }

    /// Marks them if nobody has.
    /// - Throws: ``StoreError`` `.configuration` if they are another ledger's.
    package func claim(_ connection: RedisConnection) async throws {
        try await connection.perform { session in try require(session) }
    }

    /// Makes them the ledger's, whosever they were.
    package func take(_ connection: RedisConnection) async throws {
        try await connection.perform { session in try session.call(["SET", key, mark.text]) { _ in } }
    }

    func require(_ session: RedisSession) throws {
        var found = try session.call(["GET", key]) { $0.string }
        if found == nil {
            // Somebody else may be as quick: what is there afterwards counts.
            // A server out of memory takes no mark; its queue can be worked off all the same.
            try session.append(["SET", key, mark.text, "NX"])
            try session.receiveAny { _ in }
            found = try session.call(["GET", key]) { $0.string }
        }
        if let refusal = refusal(MarkStanding(of: found, to: mark)) { throw refusal }
    }

    /// What is wrong, and what to do; nil where the ledger may work.
    package func refusal(_ standing: MarkStanding) -> StoreError? {
        let text: String
        switch standing {
        case .own, .unmarked: return nil
        case .otherSystem(let other):
            text =
                "the queue under the prefix \(prefix) at \(server) belongs to the same ledger on another system (\(other.home); this "
                + "one lives in \(mark.home)): one is a copy of the other. On the copy: \(LedgerAdvice.copied)"
        case .foreign(let other):
            text =
                "the queue under the prefix \(prefix) at \(server) belongs to another ledger (\(other.ledger); this one is "
                + "\(mark.ledger)): give this one a prefix of its own, REDIS_URL=…?prefix=NAME"
        case .unreadable:
            text =
                "the key \(key) at \(server) is no ledger's mark: delete it, or use another prefix, REDIS_URL=…?prefix=NAME"
        }
        return StoreError(.redis, .configuration, text)
    }
}
