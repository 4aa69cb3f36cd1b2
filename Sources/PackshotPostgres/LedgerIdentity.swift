package import PackshotJobs

/// Who the ledger in a database is, and whether it lives there or was brought there by a dump.
package struct LedgerIdentity: Hashable, Sendable {
    /// What it leaves where it works.
    package let mark: LedgerMark
    /// The system and the database that answered.
    package let present: LedgerHome
    /// What it was a copy of, if it was renamed.
    package let former: LedgerID?

    /// False for a copy that nobody has said anything about.
    package var isAtHome: Bool { mark.home == present }

    /// - Throws: ``StoreError`` `.configuration` unless the ledger is at home.
    package func requireHome() throws(StoreError) {
        guard !isAtHome else { return }
        throw StoreError(
            .postgres, .configuration,
            "this database holds ledger \(mark.ledger), which lives elsewhere (\(mark.home); this is \(present)): "
                + "a dump was restored, or the server was upgraded. Nothing is worked on or cleaned up until you say which: "
                + LedgerAdvice.copied)
    }

    static func read(_ session: PostgresSession) throws -> LedgerIdentity {
        let rows = try session.query(
            """
            SELECT l.id, l.system_identifier, l.database_oid, h.system_identifier, h.database_oid, l.former_id
            FROM ledger l CROSS JOIN present_home() h
            """
        ).rows
        guard let row = rows.first else {
            throw StoreError(.postgres, .schema, "the table ledger is empty: who this ledger is was deleted by hand")
        }
        var cells = PostgresLedger.Reader(row)
        let id = LedgerID(rawValue: try cells.text())
        let home = LedgerHome(system: try cells.text(), database: try cells.number())
        let present = LedgerHome(system: try cells.text(), database: try cells.number())
        return LedgerIdentity(
            mark: LedgerMark(ledger: id, home: home), present: present,
            former: cells.optional().map(LedgerID.init(rawValue:)))
    }

    /// A connection made anew may lead to another server than before: a copy, or a dump restored in its place.
    /// - Throws: ``StoreError`` `.refused`: what is in hand waits until the ledger that is expected answers again.
    static func require(_ expected: LedgerMark, _ session: PostgresSession) throws {
        let found = try read(session)
        guard found.mark != expected || !found.isAtHome else { return }
        throw StoreError(
            .postgres, .refused,
            "PostgreSQL answers with \(found.mark) in \(found.present), not with \(expected): "
                + "it was replaced while this process ran. Nothing is written to it; see \"packshot ledger\"")
    }
}

extension PostgresLedger {
    /// Who this ledger is.
    package func identity() async throws -> LedgerIdentity {
        try await connection.run { session in try LedgerIdentity.read(session) }
    }

    /// The ledger lives here from now on: it replaces the one it was copied from.
    package func adopt() async throws -> LedgerIdentity {
        try await settle("UPDATE ledger SET settled_at = now()")
    }

    /// The ledger is another from now on than the one it was copied from.
    package func rename() async throws -> LedgerIdentity {
        try await settle("UPDATE ledger SET settled_at = now(), former_id = id, id = gen_random_uuid()")
    }

    private func settle(_ change: String) async throws -> LedgerIdentity {
        try await connection.run { session in
            try session.query(
                "\(change), system_identifier = h.system_identifier, database_oid = h.database_oid FROM present_home() h"
            )
            return try LedgerIdentity.read(session)
        }
    }

    /// The folders batches were submitted with.
    package func outputRoots() async throws -> [String] {
        try await LedgerReports(connection).outputRoots()
    }
}

extension LedgerReports {
    /// The folders batches were submitted with.
    package func outputRoots() async throws -> [String] {
        try await connection.run { session in
            try session.query("SELECT DISTINCT output_root FROM batches ORDER BY 1").rows.compactMap { $0[0] }
        }
    }
}
