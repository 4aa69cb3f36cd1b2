import Foundation
import PackshotJobs
import PackshotPostgres
import Testing

extension LedgerTests {
    /// A worker's settlement connection is lost and the server gives no other: what is finished goes by the claims' connection.
    @Test func aWorkersConnectionsHelpEachOtherOut() async throws {
        try await TestDatabase.with { database in
            let url = try PostgresURL(database.url)
            let connections = PostgresConnections()
            let claims = PostgresLedger(PostgresConnection(forWorker: url, among: connections))
            let named = try PostgresURL("\(database.url)&application_name=settlements")
            let settlements = PostgresLedger(PostgresConnection(forWorker: named, among: connections))
            try await connections.open()
            try await claims.register(Sample.worker("w"))
            let submission = try await database.submit([Sample.job(1, path: "a/1.png")], to: Sample.batch("a"))
            try await database.ledger.markDispatched(submission.batch, through: JobID(rawValue: .max))
            let ids = try database.sql("SELECT id FROM jobs").compactMap { Int64($0).map(JobID.init(rawValue:)) }
            let job = try #require(
                await claims.confirm(ids, by: WorkerID(rawValue: "w"), lease: .seconds(15)).first)

            try database.onServer("ALTER DATABASE \(database.name) ALLOW_CONNECTIONS false")
            try database.onServer(
                """
                SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                WHERE datname = '\(database.name)' AND application_name = 'settlements'
                """)
            let settlement = Sample.settlement(job, by: "w", Sample.image(job), from: 0, to: 1)
            var verdicts: [SettlementVerdict] = []
            // The first try only finds out that the connection is gone.
            for _ in 0..<2 where verdicts.isEmpty { verdicts = (try? await settlements.settle([settlement])) ?? [] }
            #expect(verdicts == [.accepted(.completed)])

            await connections.close()
            await #expect(throws: StoreError.self, "nothing is open, and nothing can be opened") {
                try await settlements.settle([settlement])
            }
        }
    }
}
