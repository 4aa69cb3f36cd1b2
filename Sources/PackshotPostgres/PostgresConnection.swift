package import PackshotJobs
internal import Synchronization

/// A connection to PostgreSQL with a thread of its own or a shared one, made on first use and made anew after it broke.
package actor PostgresConnection {
    private let url: PostgresURL
    private let planning: PostgresSession.Planning
    private let executor: BlockingExecutor
    /// The ledger that must answer on every connection that is made; nil for whichever does.
    private let expected: LedgerMark?
    private let others: PostgresConnections?
    private var session: PostgresSession?

    /// Work for this connection runs on its own thread, one piece after the other.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A connection to be made later.
    package init(_ url: PostgresURL) {
        self.init(
            url, planning: .byStatistics, thread: BlockingExecutor(label: "packshot.postgres"), expecting: nil,
            others: nil)
    }

    /// A connection to be made later, for a worker's statements: they find every row by a key.
    /// - Parameters:
    ///   - thread: Where its calls run: one of its own, or one it shares with others that wait for each other anyway.
    ///   - ledger: Refuses to work with another: after a restart or a failover something else may answer at the same address.
    ///   - others: The worker's other connections, which help this one out.
    package init(
        forWorker url: PostgresURL, on thread: BlockingExecutor = BlockingExecutor(label: "packshot.postgres"),
        expecting ledger: LedgerMark? = nil, among others: PostgresConnections? = nil
    ) {
        self.init(url, planning: .byKey, thread: thread, expecting: ledger, others: others)
        others?.add(self)
    }

    private init(
        _ url: PostgresURL, planning: PostgresSession.Planning, thread: BlockingExecutor, expecting ledger: LedgerMark?,
        others: PostgresConnections?
    ) {
        self.url = url
        self.planning = planning
        self.others = others
        expected = ledger
        executor = thread
    }

    /// Connects, if that has not happened.
    /// - Throws: ``StoreError`` `.unreachable`.
    package func open() throws {
        try runAlone { _ in }
    }

    /// Closes the connection. The next call makes it anew.
    package func close() { session = nil }

    /// Runs the body with the session. If none can be had, as when the server has no connection left to give, another of
    /// the same worker's connections runs it.
    /// - Throws: ``StoreError`` `.unreachable` when there is no connection; what the body throws.
    @discardableResult
    func run<Value: Sendable>(_ body: @Sendable (PostgresSession) throws -> Value) async throws -> Value {
        do {
            return try use(opened(), body)
        } catch let error as CannotOpen {
            for other in others?.all ?? [] where other !== self {
                if let value = try await other.runIfOpen(body) { return value }
            }
            throw error.reason
        }
    }

    /// Runs the body with this connection's own session, for what would keep others of the worker waiting.
    /// - Throws: As ``run(_:)``.
    func runAlone<Value: Sendable>(_ body: @Sendable (PostgresSession) throws -> Value) throws -> Value {
        do {
            return try use(opened(), body)
        } catch let error as CannotOpen {
            throw error.reason
        }
    }

    private struct CannotOpen: Error {
        let reason: StoreError
    }

    private func opened() throws -> PostgresSession {
        if let session, session.isUsable { return session }
        let fresh: PostgresSession
        do throws(StoreError) {
            fresh = try PostgresSession(url: url, planning: planning)
        } catch {
            throw CannotOpen(reason: error)
        }
        if let expected { try LedgerIdentity.require(expected, fresh) }
        session = fresh
        return fresh
    }

    private func runIfOpen<Value: Sendable>(_ body: @Sendable (PostgresSession) throws -> Value) throws -> Value? {
        guard let session, session.isUsable else { return nil }
        return try use(session, body)
    }

    private func use<Value>(_ session: PostgresSession, _ body: (PostgresSession) throws -> Value) throws -> Value {
        defer { if !session.isUsable { self.session = nil } }
        return try body(session)
    }
}

/// The connections of one worker.
///
/// Each has its work, so that none waits for another; where the server has too few for all, those that are open do the others' work too.
/// They are opened all or none before the worker begins: workers that each hold a part of what they need keep it from
/// one another, and none of them works.
package final class PostgresConnections: Sendable {
    private struct Member {
        weak var connection: PostgresConnection?
    }

    private let members = Mutex<[Member]>([])

    package init() {}

    func add(_ connection: PostgresConnection) {
        members.withLock { $0.append(Member(connection: connection)) }
    }

    var all: [PostgresConnection] {
        members.withLock { $0.compactMap(\.connection) }
    }

    /// Opens all of them, or none.
    /// - Throws: ``StoreError`` of the first that cannot be opened.
    package func open() async throws {
        do {
            for connection in all { try await connection.open() }
        } catch {
            await close()
            throw error
        }
    }

    /// Closes all of them.
    package func close() async {
        for connection in all { await connection.close() }
    }
}
