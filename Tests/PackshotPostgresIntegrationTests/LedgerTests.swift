import Foundation
import PackshotJobs
import PackshotPostgres
import Testing

@Suite("The ledger in PostgreSQL", .enabled(if: TestDatabase.serverURL != nil, "start it with ops/test"))
struct LedgerTests {
    /// `ops/test` looks for this line: a run in which these tests did not happen must not pass.
    @Test func ran() {
        print("integration tests ran: PackshotPostgresIntegrationTests")
    }

    // MARK: Schema

    @Test func migratorsAtTheSameTimeApplyEverythingOnce() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let migrators = try (0..<4).map { _ in try database.migrator() }
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for migrator in migrators { group.addTask { try await migrator.migrate() } }
                var all: [String] = []
                for try await names in group { all += names }
                return all
            }
            #expect(applied == Migration.all.map(\.name))
            try await database.migrator().requireCurrent()
        }
    }

    @Test func newerSchemaIsRefused() async throws {
        try await TestDatabase.with { database in
            try database.sql("INSERT INTO schema_migrations VALUES (9999, '9999_future', sha256('x'))")
            await #expect(throws: StoreError.self) { try await database.migrator().requireCurrent() }
        }
    }

    @Test(arguments: [
        "UPDATE job_states SET state = 'completed'", "UPDATE job_states SET state = 'running'",
        "UPDATE job_states SET attempt = 4",
        "UPDATE job_states SET state = 'discarded', finished_at = now()", "UPDATE job_states SET state = 'retryable'",
        "DELETE FROM job_events", "UPDATE job_events SET event = 'x'", "TRUNCATE job_events",
        "INSERT INTO images (job_id, attempt_id, batch_id, relative_path, sha256, byte_count, width, height, effective_prompt, prompt_tokens, version) VALUES (1, 1, 1, 'x', 'short', 1, 1, 1, '', 0, '')",
        "UPDATE batches SET output_root = 'relative'", "UPDATE job_specs SET relative_path = '/absolute'",
    ])
    func theDatabaseRefusesNonsense(statement: String) async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 1)
            #expect(database.refusal(statement) != nil, "\(statement)")
        }
    }

    // MARK: Submission

    @Test func hostileTextsSurviveUnchanged() async throws {
        let texts = [
            "'; DROP TABLE jobs; --", "a\tb\nc\\d\re", "{\"a\":[1,2]}", "\\N", "\\.", "é日本🧡", "\"", "\u{1}\u{7f}",
        ]
        try await TestDatabase.with { database in
            try await database.ledger.register(Sample.worker("w"))
            try await database.submit(
                texts.enumerated().map {
                    Sample.job($0.offset + 1, sku: "S\($0.offset)\($0.element)", title: $0.element, prompt: $0.element)
                })
            let claimed = try await database.confirm(Array(1...Int64(texts.count)), by: "w")
            #expect(claimed.map(\.title) == texts)
            #expect(claimed.map(\.spec.prompt) == texts)
        }
    }

    @Test func aProducerThatFailsInTheMiddleWritesNothing() async throws {
        struct Stop: Error {}
        try await TestDatabase.with { database in
            var calls = 0
            let chunks: () throws -> [PlannedJob]? = {
                calls += 1
                if calls == 3 { throw Stop() }
                return [Sample.job(calls)]
            }
            do {
                _ = try await database.ledger.submit(Sample.batch(), chunks: chunks)
                Issue.record("a submission whose producer failed went through")
            } catch is Stop {}
            #expect(try database.sql("SELECT count(*) FROM jobs") == ["0"])
            #expect(try database.sql("SELECT count(*) FROM batches") == ["0"])
            let afterwards = try await database.submit([Sample.job(1)])
            #expect(afterwards.created == 1, "the connection is still good")
        }
    }

    @Test func theDispatchCursorMovesOnlyForward() async throws {
        try await TestDatabase.with { database in
            let submission = try await database.submit((1...5).map { Sample.job($0) })
            let first = try await database.ledger.undispatched(submission.batch, limit: 3)
            #expect(first.count == 1 && first.flatMap(\.jobs).map(\.rawValue) == [1, 2, 3])
            #expect(try await database.ledger.batchesToDispatch() == [submission.batch])
            try await database.ledger.markDispatched(submission.batch, through: JobID(rawValue: 5))
            try await database.ledger.markDispatched(submission.batch, through: JobID(rawValue: 2))
            #expect(try await database.ledger.undispatched(submission.batch, limit: 9).isEmpty)
            #expect(try await database.ledger.batchesToDispatch().isEmpty)
        }
    }

    // MARK: Claims

    @Test func oneOfManyWorkersGetsAJob() async throws {
        try await TestDatabase.with { database in
            let names = (0..<6).map { "w\($0)" }
            try await database.prepare(workers: names, jobs: 50)
            let ids = (1...50).map { JobID(rawValue: $0) }
            let ledgers = try names.map { _ in try database.anotherLedger() }
            let claims = try await withThrowingTaskGroup(of: [ClaimedJob].self) { group in
                for (name, ledger) in zip(names, ledgers) {
                    group.addTask {
                        try await ledger.confirm(ids, by: WorkerID(rawValue: name), lease: .seconds(60))
                    }
                }
                var all: [ClaimedJob] = []
                for try await jobs in group { all += jobs }
                return all
            }
            #expect(claims.count == 50 && Set(claims.map(\.id)).count == 50)
            #expect(try database.sql("SELECT count(*) FROM attempts") == ["50"])
        }
    }

    @Test func heartbeatsExtendAndTell() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w", "v"], jobs: 3)
            let jobs = try await database.confirm([1, 2, 3], by: "w", lease: .seconds(1))
            try database.sql(
                "UPDATE job_states SET state = 'cancelled', lease_expires_at = NULL, finished_at = now() WHERE job_id = 2"
            )
            try database.sql("UPDATE workers SET drain_requested_at = now() WHERE id = 'w'")
            let reply = try await database.ledger.heartbeat(
                WorkerID(rawValue: "w"),
                progress: jobs.map { AttemptProgress(job: $0.id, attempt: $0.attempt, step: 2, steps: 4) }
                    + [AttemptProgress(job: JobID(rawValue: 3), attempt: AttemptID(rawValue: 999), step: 0, steps: 1)],
                uptime: 7, lease: .seconds(600))
            #expect(reply.cancelled == [jobs[1].attempt])
            #expect(reply.lost == [AttemptID(rawValue: 999)])
            #expect(reply.shouldDrain)
            #expect(
                try database.sql(
                    "SELECT id FROM jobs WHERE lease_expires_at > now() + interval '500 seconds' ORDER BY id") == [
                        "1", "3",
                    ])
            #expect(try database.sql("SELECT step, steps FROM attempts WHERE job_id = 1") == ["2|4"])
            #expect(try database.sql("SELECT uptime_us FROM workers WHERE id = 'w'") == ["7"])
            let idle = try await database.ledger.heartbeat(
                WorkerID(rawValue: "v"), progress: [], uptime: 1, lease: .seconds(1))
            #expect(idle.lost.isEmpty && idle.cancelled.isEmpty && !idle.shouldDrain)
        }
    }

    // MARK: Ends

    @Test func everyOutcomeMovesTheJobAsTheMachineSays() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 5)
            let jobs = try await database.confirm([1, 2, 3, 4, 5], by: "w")
            let permanent = AttemptFailure(code: "bad_prompt", message: "no", isPermanent: true)
            let outcomes: [Settlement.Outcome] = [
                Sample.image(jobs[0]), .failed(Sample.failure, retryAfter: .seconds(30)),
                .failed(permanent, retryAfter: .zero),
                .handedBack(reason: "stopping"), .cancelled,
            ]
            let settlements = zip(jobs, outcomes).enumerated().map { index, pair in
                Sample.settlement(pair.0, by: "w", pair.1, from: Int64(index) * 10, to: Int64(index) * 10 + 10)
            }
            let verdicts = try await database.ledger.settle(settlements)
            #expect(
                verdicts == [
                    .accepted(.completed), .accepted(.retryable), .accepted(.discarded), .accepted(.available),
                    .accepted(.cancelled),
                ])
            #expect(try await database.ledger.settle(settlements) == verdicts, "the same again says the same")
            #expect(
                try database.sql("SELECT state, attempt, coalesce(error_code, '-') FROM jobs ORDER BY id") == [
                    "completed|1|-", "retryable|1|broken", "discarded|1|bad_prompt", "available|0|-", "cancelled|1|-",
                ])
            #expect(try database.sql("SELECT count(*) FROM images") == ["1"])
            #expect(try database.sql("SELECT error_message FROM jobs WHERE id = 2") == [Sample.failure.message])
            #expect(
                try database.sql("SELECT cost_microusd, sample_us, embedding_sources FROM attempts WHERE job_id = 1")
                    == ["10|2|{encoder,memory}"])
            #expect(try database.sql("SELECT count(*) FROM job_events WHERE event <> 'claimed'") == ["5"])
        }
    }

    /// A worker that never learnt of a cancelled job would never end its attempt.
    @Test func anAttemptNobodyEndsIsEndedForIt() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 1)
            let job = try await database.confirm([1], by: "w")[0]
            #expect(try await database.ledger.cancel(JobSelection()) == 1)
            try database.sql(
                "UPDATE attempts SET cancelled_at = now() - interval '3 minutes', started_at = now() - interval '4 minutes'"
            )
            try database.sql("UPDATE workers SET started_at = now() - interval '5 minutes'")
            _ = try await database.ledger.retry(JobSelection(), limit: 9)
            let again = try await database.confirm([1], by: "w")[0]
            _ = try await database.ledger.rescueExpired(limit: 9)
            #expect(
                try database.sql("SELECT id, state, coalesce(error_code, '-') FROM attempts ORDER BY id")
                    == ["\(job.attempt)|cancelled|worker_gone", "\(again.attempt)|running|-"])
            #expect(try await database.audit().isEmpty)
        }
    }

    /// A worker's statements are planned while the tables are empty; they must not read the whole queue later on.
    @Test func claimsReadWhatTheyName() async throws {
        try await TestDatabase.with { database in
            let ledger = try database.workerLedger()
            try await database.prepare(workers: ["w"], jobs: 1)
            for _ in 0..<8 {
                _ = try await ledger.confirm([JobID(rawValue: 1)], by: WorkerID(rawValue: "w"), lease: .seconds(60))
            }
            try await database.submit((2...5_000).map { Sample.job($0) })
            // A connection tells of what it read a second later at the earliest, with its next statement.
            func rowsRead() async throws -> Int {
                try await Task.sleep(for: .milliseconds(1_100))
                for one in [ledger, database.ledger] {
                    #expect(try await one.hasUnfinishedJobs(model: Sample.model.fingerprint))
                }
                return try Int(
                    database.sql(
                        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE relname LIKE 'job_s%'"
                    )[0]) ?? 0
            }
            let wanted = (1_000..<1_050).map { JobID(rawValue: Int64($0)) }
            let before = try await rowsRead()
            let jobs = try await ledger.confirm(wanted, by: WorkerID(rawValue: "w"), lease: .seconds(60))
            let settlements = jobs.enumerated().map { index, job in
                Sample.settlement(job, by: "w", Sample.image(job), from: Int64(index), to: Int64(index) + 1)
            }
            #expect(try await ledger.settle(settlements).allSatisfy { $0 == .accepted(.completed) })
            let read = try await rowsRead() - before
            #expect(read >= 100 && read <= 1_000, "\(read) rows for 50 jobs of 5,000")
        }
    }

    @Test func lostTogetherIsChargedOnceAndDiscardedInTheEnd() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 3, maxAttempts: 1)
            _ = try await database.confirm([1, 2, 3], by: "w")
            try database.sql(
                """
                UPDATE workers SET started_at = now() - interval '100 seconds';
                UPDATE attempts SET started_at = now() - interval '40 seconds';
                UPDATE job_states SET lease_expires_at = now() - interval '10 seconds'
                """)
            let rescued = try await database.ledger.rescueExpired(limit: 9)
            #expect(rescued.available.isEmpty && rescued.discarded.count == 3)
            #expect(try database.sql("SELECT DISTINCT state, error_code FROM jobs") == ["discarded|lease_expired"])
            let charged = try #require(
                Double(try database.sql("SELECT sum(busy_to_us - busy_from_us) / 1e6 FROM attempts")[0]))
            #expect(abs(charged - 30) < 0.1, "three jobs lost in the same half minute cost half a minute, not three")
            #expect(try database.sql("SELECT sum(abs(difference_microusd)) FROM cost_reconciliation") == ["0"])
        }
    }

    /// What is paused needs no workers, and has a column of its own.
    @Test func theBacklogLeavesOutWhatIsPaused() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 5)
            let submission = try await database.submit((11...13).map { Sample.job($0) }, to: Sample.batch("c"))
            let held = try await database.confirm([1, 2], by: "w")
            _ = try await database.ledger.settle([
                Sample.settlement(held[0], by: "w", Sample.image(held[0]), from: 0, to: 2_000_000)
            ])
            func backlog() throws -> [String] {
                try database.sql("SELECT jobs, paused_jobs, backlog_seconds::integer FROM backlog")
            }
            #expect(try backlog() == ["7|0|14"])
            try await database.ledger.pause(submission.batch)
            #expect(try backlog() == ["4|3|8"])
            try await database.ledger.changeLimits(Sample.model.fingerprint) { $0.isPaused = true }
            #expect(try backlog() == ["1|6|2"], "the one that runs is still worked on")
            try await database.ledger.changeLimits(Sample.model.fingerprint) { $0.isPaused = false }
            try await database.ledger.resume(submission.batch)
            #expect(try backlog() == ["7|0|14"])
            // Due again counts; what is not due yet does not.
            _ = try await database.ledger.settle([
                Sample.settlement(
                    held[1], by: "w", .failed(Sample.failure, retryAfter: .zero), from: 2_000_000, to: 2_000_001)
            ])
            #expect(try backlog() == ["7|0|14"])
            try database.sql("UPDATE job_states SET scheduled_at = now() + interval '1 hour' WHERE state = 'retryable'")
            #expect(try backlog() == ["6|0|12"])
        }
    }

    @Test func aBrokenConnectionIsMadeAnew() async throws {
        try await TestDatabase.with { database in
            try await database.prepare(workers: ["w"], jobs: 1)
            try database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            let error = await #expect(throws: StoreError.self) { _ = try await database.confirm([1], by: "w") }
            #expect(error?.code == .unreachable)
            #expect(try await database.confirm([1], by: "w").count == 1)
        }
    }
}
