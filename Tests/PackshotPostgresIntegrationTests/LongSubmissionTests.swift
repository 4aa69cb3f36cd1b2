import Foundation
import PackshotJobs
import PackshotPostgres
import Synchronization
import Testing

/// A submission takes as long as its catalog is large. Nobody but submissions to the same batch waits for it.
extension LedgerTests {
    /// Runs a body while a submission that adds to a batch is amid its transaction.
    private static func amid(
        _ ledger: PostgresLedger, _ jobs: [PlannedJob], to batch: NewBatch, _ body: () async throws -> Void
    ) async throws -> Submission {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let release = DispatchSemaphore(value: 0)
        let rest = Mutex([jobs][...])
        let submission = Task {
            try await ledger.submit(batch) {
                if let chunk = rest.withLock({ $0.popFirst() }) { return chunk }
                arrived.yield()
                release.wait()
                return nil
            }
        }
        for await _ in arrivals { break }
        do {
            try await body()
        } catch {
            release.signal()
            throw error
        }
        release.signal()
        return try await submission.value
    }

    @Test(.timeLimit(.minutes(1))) func aLongSubmissionStopsNobodyElse() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 3)
            let batch = BatchID(rawValue: 1)
            try await database.ledger.setBudget(batch, MicroDollars(rawValue: 1_000_000_000))
            let held = try await database.confirm([1], by: "w")
            let producer = try database.anotherLedger()
            let moved = ModelRecord(
                fingerprint: Sample.model.fingerprint, name: "tiny", path: "/elsewhere/tiny",
                pipelineClass: "PRXPixelPipeline", parameterCount: 10, byteCount: 20)
            let submission = try await Self.amid(
                producer, [Sample.job(2), Sample.job(9)],
                to: NewBatch(
                    name: "b", outputRoot: "/out", sourcePath: "c.csv",
                    sourceSHA256: [UInt8](repeating: 1, count: 32), model: moved)
            ) {
                try await database.ledger.register(Sample.worker("v"))
                let settled = try await database.ledger.settle([
                    Sample.settlement(held[0], by: "w", Sample.image(held[0]), from: 0, to: 10)
                ])
                #expect(settled == [.accepted(.completed)])
                #expect(try await database.confirm([2, 3], by: "v").count == 2)
                try await database.ledger.pause(batch)
                let other = try await database.submit([Sample.job(20, path: "o/20.png")], to: Sample.batch("o"))
                #expect(other.created == 1)
            }
            #expect(submission.created == 1 && submission.existing == 1)
            #expect(try database.sql("SELECT path FROM model_weights") == ["/models/tiny"], "the worker's came last")
            #expect(try database.sql("SELECT paused_at IS NOT NULL FROM batches WHERE name = 'b'") == ["t"])
            #expect(try await database.audit().isEmpty)
        }
    }

    /// Numbers are taken under a lock that nothing may leave behind.
    @Test func numbersAreTakenWithoutAFearForTheLock() async throws {
        try await TestDatabase.with { database in
            let numbers = try database.sql(
                "SELECT reserve_numbers('products_id_seq', 10), reserve_numbers('products_id_seq', 5)")
            #expect(numbers == ["1|11"])
            let amid = try database.sql(
                """
                BEGIN; SELECT reserve_numbers('products_id_seq', 7);
                SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid(); ROLLBACK;
                SELECT nextval('products_id_seq')
                """)
            #expect(amid == ["16", "0", "23"], "numbers once taken are not given again")
        }
    }

    @Test func aManifestsKeysAreFoundWithBatchStateAndPath() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 2)
            let held = try await database.confirm([1], by: "w")
            _ = try await database.ledger.settle([
                Sample.settlement(held[0], by: "w", Sample.image(held[0]), from: 0, to: 1)
            ])
            let keys = (1...3).map { number in
                Sample.job(number).uniqueKey(in: Sample.batch()).map { String(format: "%02x", $0) }.joined()
            }
            let standings = try await database.reports.standings(ofKeys: keys)
            #expect(standings.count == 2)
            #expect(
                standings[keys[0]]
                    == LedgerReports.JobStanding(
                        job: 1, state: .completed, batch: 1, batchName: "b", path: "/out/b/1.png"))
            #expect(standings[keys[1]]?.state == .available)
        }
    }
}
