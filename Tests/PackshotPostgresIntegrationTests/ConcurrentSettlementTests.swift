import Foundation
import PackshotJobs
import PackshotPostgres
import Testing

/// Statements that meet others half way: the first is held up with what it has locked, the second waits for it.
extension LedgerTests {
    private static func waitUntilBlocked(_ count: Int, in database: TestDatabase) async throws {
        for _ in 0..<600 {
            let waiting = try database.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            if waiting == ["\(count)"] { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("never were \(count) sessions waiting")
    }

    /// As after a connection that was lost while its COMMIT waited for a standby.
    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func settlingTwiceAtOnceSaysTheSameTwice(isInTime: Bool) async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 1)
            let job = try await database.confirm([1], by: "w")[0]
            if !isInTime { _ = try await database.ledger.cancel(JobSelection()) }
            let end = Sample.settlement(job, by: "w", Sample.image(job), from: 0, to: 100)
            let blocker = try BlockingSession(database)
            try blocker.run("BEGIN; LOCK TABLE batch_tallies IN EXCLUSIVE MODE")
            let (first, second) = (try database.anotherLedger(), try database.anotherLedger())
            let one = Task { try await first.settle([end]) }
            try await Self.waitUntilBlocked(1, in: database)
            let other = Task { try await second.settle([end]) }
            try await Self.waitUntilBlocked(2, in: database)
            try blocker.run("COMMIT")
            let expected: [SettlementVerdict] = [isInTime ? .accepted(.completed) : .stale]
            #expect(try await one.value == expected)
            #expect(try await other.value == expected)
            #expect(
                try database.sql("SELECT state, stale_settlements, cost_microusd FROM attempts")
                    == [isInTime ? "completed|0|100" : "cancelled|1|100"])
            #expect(try await database.audit().isEmpty)
        }
    }

    /// A worker's last word and the rescue of its job: whoever comes second finds out.
    @Test(.timeLimit(.minutes(1))) func aSettlementUnderWayIsNotRescued() async throws {
        try await TestDatabase.with { database in
            let clock = try ServerClock(database)
            let ledger = try database.anotherLedger()
            try await ledger.register(Sample.worker("w"))
            try await database.submit([Sample.job(1)])
            let job = try await ledger.confirm([JobID(rawValue: 1)], by: WorkerID(rawValue: "w"), lease: .seconds(5))[0]
            let blocker = try BlockingSession(database)
            // What its tally is kept in: the last that a settlement locks.
            try blocker.run("BEGIN; SELECT FROM batch_tallies FOR UPDATE")
            let last = Task {
                try await ledger.settle([Sample.settlement(job, by: "w", Sample.image(job), from: 0, to: 100)])
            }
            try await Self.waitUntilBlocked(1, in: database)
            let janitor = try database.anotherLedger()
            for _ in 0..<10 {
                try clock.advance(.seconds(1))
                #expect(try await janitor.rescueExpired(limit: 9).available.isEmpty)
            }
            try blocker.run("COMMIT")
            #expect(try await last.value == [.accepted(.completed)])
            #expect(try database.sql("SELECT state FROM jobs") == ["completed"])
        }
    }

    /// The server was stopped between two statements of a pass: what it sees when it goes on is no reason to take anything.
    @Test(.timeLimit(.minutes(1))) func aPassThatWasHeldUpTakesNothing() async throws {
        try await TestDatabase.with { database in
            let clock = try ServerClock(database)
            let ledger = try database.anotherLedger()
            try await ledger.register(Sample.worker("w"))
            try await database.submit([Sample.job(1)])
            _ = try await ledger.confirm([JobID(rawValue: 1)], by: WorkerID(rawValue: "w"), lease: .seconds(15))
            let blocker = try BlockingSession(database)
            // Attempts are read between the pass's first word and the rescue.
            try blocker.run("BEGIN; LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
            let pass = Task { try await ledger.rescueExpired(limit: 9) }
            try await Self.waitUntilBlocked(1, in: database)
            try clock.advance(.seconds(600))
            try blocker.run("COMMIT")
            let rescued = try await pass.value
            #expect(rescued.available.isEmpty && rescued.discarded.isEmpty)
            #expect(try database.sql("SELECT state FROM jobs") == ["running"])
        }
    }

    /// A dead letter is retried between two pieces of what is forgotten, and stays.
    @Test func whatIsRetriedAmidForgettingStays() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 4, maxAttempts: 1)
            try await database.ledger.markDispatched(BatchID(rawValue: 1), through: JobID(rawValue: .max))
            for (index, job) in try await database.confirm([1, 2, 3, 4], by: "w").enumerated() {
                let outcome = index == 2 ? .failed(Sample.failure, retryAfter: .zero) : Sample.image(job)
                let at = Int64(index)
                _ = try await database.ledger.settle([
                    Sample.settlement(job, by: "w", outcome, from: at, to: at + 1)
                ])
            }
            try database.sql(
                """
                UPDATE workers SET started_at = now() - interval '200 days';
                UPDATE batches SET created_at = now() - interval '100 days';
                UPDATE job_states SET finished_at = now() - interval '95 days'
                """)
            // The second piece waits for the second job, and the third is retried meanwhile.
            let holder = try BlockingSession(database)
            try holder.run("BEGIN; SELECT FROM job_states WHERE job_id = 2 FOR UPDATE")
            let forgetter = try BlockingSession(database)
            try forgetter.start("CALL forget_batches(interval '90 days', 1)")
            try await Self.waitUntilBlocked(1, in: database)
            #expect(
                try await database.ledger.retry(JobSelection(states: [.discarded]), limit: 9).map(\.job.rawValue) == [3]
            )
            try holder.run("COMMIT")
            try forgetter.finish()
            #expect(try database.sql("SELECT id, state FROM jobs") == ["3|available"])
            let again = try await database.confirm([3], by: "w")
            #expect(again.map(\.sku) == ["SKU-3"])
            _ = try await database.ledger.settle([
                Sample.settlement(again[0], by: "w", Sample.image(again[0]), from: 10, to: 11)
            ])
            #expect(try database.sql("SELECT completed, available FROM batch_progress") == ["4|0"])
            #expect(try await database.audit().isEmpty)
            try database.sql("UPDATE job_states SET finished_at = now() - interval '95 days'")
            try database.sql("CALL forget_batches(interval '90 days', 1)")
            #expect(try database.sql("SELECT count(*) FROM jobs") == ["0"])
        }
    }
}
