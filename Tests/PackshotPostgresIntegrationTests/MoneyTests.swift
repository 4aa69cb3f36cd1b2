import Foundation
import PackshotJobs
import PackshotPostgres
import PackshotTestSupport
import Testing

/// Money where several sessions meet, and books that are wrong.
extension LedgerTests {
    private static func usd(_ micros: Int64) -> MicroDollars { MicroDollars(rawValue: micros) }

    /// A settlement whose transaction is open while a person raises the budget: neither overwrites what the other knows.
    @Test func aBudgetThatChangesWhileASettlementCommitsLosesNothing() async throws {
        try await TestDatabase.with { database in
            let (batch, held) = try await Self.runningWithBudget(database, jobs: 1)
            let other = try database.anotherLedger()
            // The settlement's own changes, held open by another session until the budget has changed.
            let holder = try BlockingSession(database)
            try holder.run(
                """
                BEGIN; UPDATE attempts SET state = 'failed', finished_at = now(), busy_from_us = 0, busy_to_us = 27, cost_microusd = 27
                WHERE id = \(held[0].attempt.rawValue)
                """)
            let change = Task { try await other.setBudget(batch, Self.usd(6_000_000)) }
            try await change.value
            try holder.run("COMMIT")
            let view = "SELECT budget_microusd, committed_microusd, reserved_microusd FROM batch_budgets"
            #expect(try database.sql(view) == ["6000000|27|0"])
        }
    }

    /// The batch's row is locked, as by a submission under way: images are settled, more is begun, and the budget raised under way.
    @Test func aLockedBatchStallsNeitherClaimsNorSettlementsNorHeartbeats() async throws {
        try await TestDatabase.with { database in
            let (_, held) = try await Self.runningWithBudget(database, jobs: 3)
            let holder = try BlockingSession(database)
            try holder.run("BEGIN; UPDATE batches SET source_path = source_path")
            let worker = WorkerID(rawValue: "w")
            let heartbeat = try await database.ledger.heartbeat(
                worker, progress: [AttemptProgress(job: held[0].id, attempt: held[0].attempt, step: 1, steps: 4)],
                uptime: 1, lease: .seconds(60))
            #expect(heartbeat.lost.isEmpty)
            let verdicts = try await database.ledger.settle([
                Sample.settlement(held[0], by: "w", Sample.image(held[0]), from: 0, to: 100)
            ])
            #expect(verdicts == [.accepted(.completed)])
            let next = try await database.confirm([2], by: "w", lease: .microseconds(10))
            #expect(next.count == 1)
            let request = SpendingRequest(needed: Self.usd(200), wanted: Self.usd(400))
            #expect(try await database.ledger.reserve(request, for: next[0].attempt) == Self.usd(400))
            try holder.run("ROLLBACK")
            #expect(try await database.audit().isEmpty)
        }
    }

    /// Two workers settle groups of two batches with budgets whose jobs' numbers are interleaved, one in one order and one in the other.
    @Test func settlementsOfInterleavedBatchesDoNotDeadlock() async throws {
        try await TestDatabase.with { database in
            for name in ["a", "b"] { try await database.ledger.register(Sample.worker(name)) }
            // Numbers 1 to 50 and 101 to 150 are of one batch, the others of the other.
            for part in 0..<4 {
                let name = part % 2 == 0 ? "one" : "two"
                let jobs = (1...50).map { Sample.job($0, sku: "\(part)-\($0)", path: "\(name)/\(part)-\($0).png") }
                try await database.submit(jobs, to: Self.withBudget(name, 1_000_000_000_000))
            }
            // One image of each makes the price known, so that the others are claimed in groups.
            for (index, first) in ([1, 51] as [Int64]).enumerated() {
                let job = try await database.confirm([first], by: "a", lease: .microseconds(10))[0]
                let from = Int64(index) * 100
                _ = try await database.ledger.settle([
                    Sample.settlement(job, by: "a", Sample.image(job), from: from, to: from + 100)
                ])
            }
            try await withThrowingTaskGroup { group in
                for (worker, parts) in [("a", [52, 101]), ("b", [2, 151])] as [(String, [Int64])] {
                    let ledger = try database.workerLedger()
                    group.addTask {
                        var clock: Int64 = 1_000
                        for step in Int64(0)..<7 {
                            let ids = parts.flatMap { part in (0..<7).map { part + step * 7 + $0 } }
                            let held = try await ledger.confirm(
                                ids.map(JobID.init(rawValue:)), by: WorkerID(rawValue: worker), lease: .seconds(60))
                            let settlements = held.map { job in
                                defer { clock += 10 }
                                return Sample.settlement(
                                    job, by: worker, Sample.image(job), from: clock, to: clock + 10)
                            }
                            // A deadlock would be thrown.
                            _ = try await ledger.settle(settlements)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try database.sql("SELECT count(*) FROM images") == ["198"])
            #expect(try await database.audit().isEmpty)
        }
    }

    /// An estimate and a report of one worker, made at the same time by two sessions that do not see each other's rows.
    @Test(arguments: [true, false])
    func aStretchIsChargedOnceWhoeverCommitsFirst(reportIsFirst: Bool) async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 2)
            let held = try await database.confirm([1, 2], by: "w", lease: .seconds(600))
            // Half a minute of this worker's life.
            try database.sql("UPDATE workers SET started_at = started_at - interval '30 seconds', uptime_us = 30000000")
            let estimate = """
                UPDATE attempts SET state = 'lost', is_estimate = true, finished_at = now(), busy_from_us = 1000000, busy_to_us = 9000000,
                    cost_microusd = 8000000 WHERE id = \(held[0].attempt.rawValue)
                """
            let report = """
                UPDATE attempts SET state = 'failed', finished_at = now(), busy_from_us = 4000000, busy_to_us = 6000000,
                    cost_microusd = 2000000 WHERE id = \(held[1].attempt.rawValue)
                """
            let (first, second) = (try BlockingSession(database), try BlockingSession(database))
            try first.run("BEGIN; \(reportIsFirst ? report : estimate)")
            try second.start("BEGIN; \(reportIsFirst ? estimate : report)")
            try await second.waitUntilBlocked(in: database)
            try first.run("COMMIT")
            try second.finish()
            try second.run("COMMIT")
            #expect(try database.sql("SELECT * FROM cost_faults") == [])
            let stretches = "SELECT busy_from_us, busy_to_us, cost_microusd FROM attempts ORDER BY id"
            #expect(
                try database.sql(stretches)
                    == [
                        reportIsFirst ? "6000000|9000000|3000000" : "1000000|4000000|3000000",
                        "4000000|6000000|2000000",
                    ])
        }
    }

    /// Seven attempts are moved over their predecessors: the sums still telescope, and the books are wrong.
    @Test func reconciliationNamesWhatIsChargedTwice() async throws {
        try await TestDatabase.with { database in
            let attempts = try await Self.worked(database, images: 20)
            let sound = try await database.reports.reconciliation()
            #expect(sound.isSound && sound.images == 20 * 1_000_000)
            let moved = Array(attempts[5..<12])
            try database.sql(
                """
                UPDATE attempts a SET busy_from_us = a.busy_from_us - 300000,
                    cost_microusd = span_cost(a.busy_from_us - 300000, a.busy_to_us, r.microusd_per_hour)
                FROM rate_cards r WHERE r.id = a.rate_card_id AND a.id IN (\(moved.map { "\($0)" }.joined(separator: ",")))
                """)
            let books = try await database.reports.reconciliation()
            #expect(!books.isSound && books.difference == 7 * 300_000)
            let found = books.faults.filter { $0.kind == .chargedTwice }
            #expect(found.map(\.attempts) == zip(attempts[4...], moved).map { [$0, $1] })
            #expect(found.allSatisfy { $0.worker == "w" && $0.amount == 300_000 })
        }
    }

    @Test func reconciliationNamesAWorkerThatIsChargedForLongerThanItLived() async throws {
        try await TestDatabase.with { database in
            _ = try await Self.worked(database, images: 3)
            try database.sql("UPDATE workers SET uptime_us = 900000000")
            let books = try await database.reports.reconciliation()
            // Sixty seconds by the ledger's clock; the sums are right.
            #expect(books.difference == 0)
            #expect(books.faults.map(\.kind) == [.outlived] && books.faults[0].worker == "w")
            #expect(books.faults[0].amount > 700_000_000)
        }
    }

    @Test func reconciliationNamesAnAttemptOfAnotherPrice() async throws {
        try await TestDatabase.with { database in
            let attempts = try await Self.worked(database, images: 3)
            try database.sql("UPDATE attempts SET cost_microusd = cost_microusd + 1 WHERE id = \(attempts[1])")
            let books = try await database.reports.reconciliation()
            #expect(books.difference == 1)
            #expect(books.faults == [.init(kind: .priced, worker: "w", attempts: [attempts[1]], amount: 1)])
        }
    }

    /// A batch that was paused by a person stays so, whatever its budget says.
    @Test func aBudgetNeitherEndsNorReplacesAPersonsPause() async throws {
        try await TestDatabase.with { database in
            let (batch, held) = try await Self.runningWithBudget(database, jobs: 2)
            try await database.ledger.pause(batch)
            _ = try await database.ledger.settle([
                Sample.settlement(held[0], by: "w", Sample.image(held[0]), from: 0, to: 5_000_000)
            ])
            #expect(try await database.confirm([2], by: "w").isEmpty)
            try await database.ledger.setBudget(batch, Self.usd(50_000_000))
            #expect(try database.sql("SELECT pause_reason FROM batches") == ["asked"])
        }
    }

    // MARK: Scenes

    private static func withBudget(_ name: String, _ micros: Int64) -> NewBatch {
        NewBatch(
            name: name, outputRoot: "/out", sourcePath: "c.csv", sourceSHA256: [UInt8](repeating: 1, count: 32),
            model: Sample.model, maxAttempts: 3, budget: usd(micros))
    }

    /// Worker `w` holds job 1 of a batch with a budget of five dollars, all of which is set aside for it.
    private static func runningWithBudget(
        _ database: TestDatabase, jobs: Int
    ) async throws -> (BatchID, [ClaimedJob]) {
        try await database.ledger.register(Sample.worker("w"))
        let submission = try await database.submit((1...jobs).map { Sample.job($0) }, to: withBudget("b", 5_000_000))
        let held = try await database.confirm([1], by: "w", lease: .microseconds(10))
        try #require(held.map(\.spendingLimit) == [usd(5_000_000)])
        return (submission.batch, held)
    }

    /// Worker `w`, a dollar a second, made images of a second each, one after the other, in a life of a minute.
    /// - Returns: The attempts.
    private static func worked(_ database: TestDatabase, images: Int) async throws -> [Int64] {
        try await database.prepare(workers: ["w"], jobs: images)
        try database.sql("UPDATE workers SET started_at = started_at - interval '60 seconds', uptime_us = 60000000")
        let held = try await database.confirm((1...Int64(images)).map { $0 }, by: "w")
        for (index, job) in held.enumerated() {
            let from = Int64(index) * 1_000_000
            _ = try await database.ledger.settle([
                Sample.settlement(job, by: "w", Sample.image(job), from: from, to: from + 1_000_000)
            ])
        }
        return held.map(\.attempt.rawValue)
    }
}
