internal import Foundation
internal import PackshotJobs

/// One connection to Redis on a thread of its own, made on first use and made anew on the use after it broke.
///
/// Its blocking calls run on a ``BlockingExecutor``, never on Swift's cooperative pool. Calls run one after the other.
package actor RedisConnection {
    package nonisolated let url: RedisURL
    nonisolated let timeouts: RedisTimeouts
    private let executor: BlockingExecutor
    private let owner: QueueOwner?
    private var session: RedisSession?
    /// When this was last seen to be the owner's.
    private var seenOwned: ContinuousClock.Instant?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A connection that will be made on first use.
    /// - Parameter label: Names the thread.
    package init(_ url: RedisURL, timeouts: RedisTimeouts = .standard, label: String = "packshot.redis") {
        self.init(url, timeouts: timeouts, on: BlockingExecutor(label: label), owner: nil)
    }

    /// A connection that will be made on first use, on a thread that is given.
    /// - Parameter owner: Works only while the keys are its own.
    init(_ url: RedisURL, timeouts: RedisTimeouts, on thread: BlockingExecutor, owner: QueueOwner?) {
        self.url = url
        self.timeouts = timeouts
        executor = thread
        self.owner = owner
    }

    /// Sends one command and copies its reply, for commands that nothing else here covers.
    /// - Throws: ``StoreError``, also for an error reply.
    package func call(_ arguments: [String]) throws -> RedisValue {
        try perform { session in try session.call(arguments) { RedisValue($0) } }
    }

    /// Connects, if that has not happened.
    /// - Throws: ``StoreError``.
    package func open() throws { _ = try usableSession() }

    /// Closes the connection. The next call makes it anew.
    package func close() { session = nil }

    /// Runs a piece of synchronous work with the session, connecting first when there is none.
    ///
    /// Work that ends with an error or with replies unread costs the session only if the stream of replies is in doubt.
    /// - Parameter certainly: Asks anew whose the keys are, however recently that was seen.
    func perform<R: Sendable>(certainly: Bool = false, _ body: @Sendable (RedisSession) throws -> R) throws -> R {
        let session = try usableSession()
        defer {
            if session.isBroken || session.outstanding > 0 { self.session = nil }
        }
        if let owner, certainly || seenOwned.map({ .now - $0 > QueueOwner.trusted }) ?? true {
            seenOwned = nil
            try owner.require(session)
            seenOwned = .now
        }
        return try body(session)
    }

    private func usableSession() throws -> RedisSession {
        // A server that was started anew has closed its end: nothing was sent yet, so a new connection is safe.
        if let session, session.isUsable { return session }
        session = nil
        seenOwned = nil
        let fresh = try RedisSession.connect(to: url, timeouts: timeouts)
        session = fresh
        return fresh
    }
}

/// A reply, copied out of hiredis.
package indirect enum RedisValue: Hashable, Sendable {
    case none
    case integer(Int64)
    case bytes([UInt8])
    case array([RedisValue])
    /// An error inside an array.
    case error(String)

    init(_ node: RedisNode) {
        if let error = node.error {
            self = .error(error)
        } else if let bytes = node.bytes {
            self = .bytes(Array(bytes))
        } else if node.isArray {
            self = .array((0..<node.count).map { node[$0].map(RedisValue.init) ?? .none })
        } else if let integer = node.integer {
            self = .integer(integer)
        } else {
            self = .none
        }
    }

    /// The text of a string reply; bytes that are no UTF-8 are replaced.
    package var text: String? {
        guard case .bytes(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The number of an integer reply or of a string that is one.
    package var number: Int64? {
        switch self {
        case .integer(let number): number
        case .bytes(let bytes): bytes.withUnsafeBytes(Int64.init(decimal:))
        default: nil
        }
    }

    /// The elements of an array; none for everything else.
    package var elements: [RedisValue] {
        if case .array(let elements) = self { elements } else { [] }
    }
}
