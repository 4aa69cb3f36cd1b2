package import PackshotJobs

/// A connection to PostgreSQL with a thread of its own or a shared one, made on first use and made anew after it broke.
package actor PostgresConnection {
    private let url: PostgresURL
    private let planning: PostgresSession.Planning
    private let executor: BlockingExecutor
    /// The ledger that must answer on every connection that is made; nil for whichever does.
    private let expected: LedgerMark?
    private var session: PostgresSession?

    /// Work for this connection runs on its own thread, one piece after the other.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A connection to be made later.
    package init(_ url: PostgresURL) {
        self.init(
            url, planning: .byStatistics, thread: BlockingExecutor(label: "packshot.postgres"), expecting: nil)
    }

    /// A connection to be made later, for a worker's statements: they find every row by a key.
    /// - Parameters:
    ///   - thread: Where its calls run: one of its own, or one it shares with others that wait for each other anyway.
    ///   - ledger: Refuses to work with another: after a restart or a failover something else may answer at the same address.
    package init(
        forWorker url: PostgresURL, on thread: BlockingExecutor = BlockingExecutor(label: "packshot.postgres"),
        expecting ledger: LedgerMark? = nil
    ) {
        self.init(url, planning: .byKey, thread: thread, expecting: ledger)
    }

    private init(
        _ url: PostgresURL, planning: PostgresSession.Planning, thread: BlockingExecutor, expecting ledger: LedgerMark?
    ) {
        self.url = url
        self.planning = planning
        executor = thread
        expected = ledger
    }

    /// Runs the body with the session.
    /// - Throws: ``StoreError`` `.unreachable` when there is no connection; what the body throws.
    @discardableResult
    func run<Value: Sendable>(_ body: @Sendable (PostgresSession) throws -> Value) throws -> Value {
        let session = try usableSession()
        defer { if !session.isUsable { self.session = nil } }
        return try body(session)
    }

    private func usableSession() throws -> PostgresSession {
        if let session { return session }
        let fresh = try PostgresSession(url: url, planning: planning)
        if let expected { try LedgerIdentity.require(expected, fresh) }
        session = fresh
        return fresh
    }
}
