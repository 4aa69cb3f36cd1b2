import Foundation
import PackshotJobs
import PackshotPostgres
import Testing

extension LedgerTests {
    /// `forget_batches` deletes what finished long ago, keeps what it came to, and leaves everything else alone.
    @Test func whatFinishedLongAgoIsForgotten() async throws {
        try await TestDatabase.with { database in
            let names = ["old", "unfinished", "recent"]
            var clock: Int64 = 0
            try await database.ledger.register(Sample.worker("w"))
            for (number, name) in names.enumerated() {
                let jobs = (1...5).map { Sample.job(number * 10 + $0, path: "\(name)/\($0).png") }
                let submission = try await database.submit(jobs, to: Sample.batch(name, maxAttempts: 1))
                try await database.ledger.markDispatched(submission.batch, through: JobID(rawValue: .max))
                let ids = try database.sql("SELECT id FROM jobs WHERE batch_id = \(submission.batch) ORDER BY id")
                for (index, job) in try await database.confirm(ids.compactMap { Int64($0) }, by: "w").enumerated() {
                    if name == "unfinished", index == 4 { continue }
                    let outcome = index == 0 ? .failed(Sample.failure, retryAfter: .zero) : Sample.image(job)
                    _ = try await database.ledger.settle([
                        Sample.settlement(job, by: "w", outcome, from: clock + 10, to: clock + 100 + Int64(index))
                    ])
                    clock += 200
                }
            }
            try database.sql(
                """
                UPDATE workers SET uptime_us = \(clock + 7), started_at = now() - interval '200 days';
                UPDATE batches SET created_at = now() - interval '100 days';
                UPDATE job_states SET finished_at = now() - interval '95 days'
                WHERE finished_at IS NOT NULL AND batch_id <> (SELECT id FROM batches WHERE name = 'recent')
                """)
            let kept = [
                "SELECT * FROM batch_progress ORDER BY batch_id", "SELECT * FROM cost_reconciliation",
                "SELECT images, busy_us, idle_microusd FROM worker_utilisation",
                "SELECT sum(image_microusd), sum(waste_microusd), sum(images) FROM batch_tallies",
                "SELECT * FROM jobs WHERE batch_id <> (SELECT id FROM batches WHERE name = 'old') ORDER BY id",
                "SELECT * FROM job_events ORDER BY id",
            ]
            let before = try kept.map { try database.sql($0) }
            for _ in 0..<2 {
                try database.sql("CALL forget_batches(interval '90 days', 2)")
                for table in ["products", "job_specs", "job_states", "attempts", "images"] {
                    let left = try database.sql("SELECT count(*) FROM \(table)")[0]
                    #expect(left == (table == "images" ? "7" : "10"), "\(table)")
                }
                for (question, answer) in zip(kept, before) {
                    #expect(try database.sql(question) == answer, "\(question)")
                }
                #expect(try database.sql("SELECT name FROM batches WHERE forgotten_at IS NOT NULL") == ["old"])
                #expect(try await database.audit().isEmpty)
            }
            #expect(try await database.reports.workers(all: true).map(\.images) == [11])
            let error = await #expect(throws: StoreError.self) {
                try await database.submit([Sample.job(1)], to: Sample.batch("old"))
            }
            #expect(error?.code == .conflict && error?.message.contains("another --name") == true)
        }
    }
}
