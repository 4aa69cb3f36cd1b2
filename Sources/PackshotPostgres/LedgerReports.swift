package import Foundation
package import PackshotJobs

/// What people ask the ledger: how a batch stands, what it cost, who works on it.
package struct LedgerReports: Sendable {
    let connection: PostgresConnection

    package init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    /// Closes the connection until the next question.
    package func disconnect() async { await connection.close() }

    /// What the ledger's clock says: the one that decides what is due.
    package func clock() async throws -> Date {
        let rows = try await connection.run { session in
            try session.query("SELECT extract(epoch FROM clock_timestamp())").rows
        }
        guard let seconds = rows.first?.first.flatMap({ $0 }).flatMap({ Double($0) }) else {
            throw StoreError(.postgres, .unexpected, "PostgreSQL did not say what time it is")
        }
        return Date(timeIntervalSince1970: seconds)
    }

    /// A batch and how far it is.
    package struct BatchReport: Codable, Sendable {
        package let id: Int64
        package let name: String
        package let outputRoot: String
        package let model: String
        package let createdAt: String
        package let paused: Bool
        /// `asked` or `budget`; nil while it is not paused.
        package let pauseReason: String?
        /// What it may cost in all; nil for any amount.
        package let budgetMicrodollars: Int64?
        /// What is set aside of it for images being made; and what it cost beyond it, nil without a budget.
        package let reservedMicrodollars: Int64
        package let overMicrodollars: Int64?
        /// What the next image would have to set aside, while the budget pauses the batch.
        package let neededMicrodollars: Int64?
        /// Jobs by state; every state is there.
        package let jobs: [String: Int]
        package let total: Int
        package let images: Int
        /// Attempts that cost time and gave no image.
        package let lostAttempts: Int
        /// Micro-dollars of the attempts that gave an image, and of the others.
        package let imageMicrodollars: Int64
        package let wasteMicrodollars: Int64
        /// Mean seconds of an image by stage: embed, sample, decode, encode, write.
        package let secondsByStage: [String: Double]
        /// Mean seconds of a worker's time an image was charged with; nil before the first.
        package let secondsPerImage: Double?
        /// Where embeddings came from: memory, redis, encoder.
        package let embeddings: [String: Int]
        /// Images a second over the last minute, all workers together; and seconds until the batch is done at that pace.
        package let imagesPerSecond: Double?
        package let secondsLeft: Double?
        /// Reasons of failures with their counts and the last message.
        package let failures: [Failure]
        /// Images whose prompt was longer than the model reads.
        package let cutPrompts: Int
        /// Workers heard of within a minute that serve the batch's model and were not asked to leave.
        package let workers: Int
        /// The moment before which nothing of it begins, as ISO 8601 in UTC; nil when something may begin now.
        package let beginsAt: String?
        /// Folder of the model's checkpoint, where it was submitted.
        package let modelPath: String

        /// True when no job of the batch can change by itself any more.
        package var isFinished: Bool {
            jobs.allSatisfy { JobState(rawValue: $0.key)?.isFinal == true || $0.value == 0 }
        }

        /// True when its budget is used up and nothing of it runs any more.
        package var isStoppedByBudget: Bool { pauseReason == "budget" && jobs["running"] == 0 }

        /// Jobs that ended without an image.
        package var failed: Int { (jobs["discarded"] ?? 0) + (jobs["cancelled"] ?? 0) }
    }

    /// A reason attempts failed for.
    package struct Failure: Codable, Sendable {
        package let reason: String
        package let attempts: Int
        package let message: String
    }

    /// The batch of a name or a number.
    /// - Parameter outputRoot: Looks only among batches of this output folder, an absolute path; nil for all.
    /// - Throws: ``StoreError`` `.notFound`; `.ambiguous`, naming them, when several have the name.
    package func findBatch(_ name: String, outputRoot: String? = nil) async throws -> BatchID {
        let rows = try await connection.run { session in
            try session.query(
                """
                SELECT id, output_root, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), name = $1 FROM batches
                WHERE (name = $1 OR id::text = $1) AND ($2::text IS NULL OR output_root = $2) ORDER BY name = $1 DESC, id
                """,
                [.text(name), .text(outputRoot)]
            ).rows
        }
        let named = rows.filter { $0[3] == "t" }
        guard named.count < 2 else {
            let choices = named.suffix(20).map { "number \($0[0] ?? "") in \($0[1] ?? ""), submitted \($0[2] ?? "")" }
            throw StoreError(
                .postgres, .ambiguous,
                "\(named.count) batches are named \(name.debugDescription): say which, by its number or by --out FOLDER\n  "
                    + choices.joined(separator: "\n  "))
        }
        guard let id = rows.first?.first.flatMap({ $0 }).flatMap({ Int64($0) }) else {
            throw StoreError(
                .postgres, .notFound,
                "there is no batch \(name.debugDescription)\(outputRoot.map { " in \($0)" } ?? ""); \"packshot status\" lists those there are"
            )
        }
        return BatchID(rawValue: id)
    }

    /// How a batch stands.
    /// - Throws: ``StoreError`` `.notFound`.
    package func batch(_ id: BatchID) async throws -> BatchReport {
        try await connection.run { session in try Self.report(id, pace: Self.pace(session)[id] ?? 0, session) }
    }

    /// How the newest batches stand, newest first.
    package func newestBatches(limit: Int) async throws -> [BatchReport] {
        try await connection.run { session in
            let ids = try session.query("SELECT id FROM batches ORDER BY id DESC LIMIT $1", [.integer(limit)]).rows
                .compactMap { $0[0].flatMap { Int64($0) }.map(BatchID.init(rawValue:)) }
            // Once for all of them: it looks through the latest images of every batch.
            let pace = try Self.pace(session)
            return try ids.map { try Self.report($0, pace: pace[$0] ?? 0, session) }
        }
    }

    /// How many batches there are.
    package func batchCount() async throws -> Int {
        try await connection.run { session in
            try session.query("SELECT count(*) FROM batches").rows.first?.first.flatMap { $0 }.flatMap { Int($0) } ?? 0
        }
    }

    /// How many workers there ever were.
    package func workerCount() async throws -> Int {
        try await connection.run { session in
            try session.query("SELECT count(*) FROM workers").rows.first?.first.flatMap { $0 }.flatMap { Int($0) } ?? 0
        }
    }

    /// Images a second over the last minute, of batches that made any; nil for what cannot be divided by yet.
    private static func pace(_ session: PostgresSession) throws -> [BatchID: Double?] {
        let rows = try session.query(
            """
            SELECT batch_id,
                   -- One image, or those of the last moment, say nothing of a pace.
                   CASE WHEN count(*) > 1 AND min(created_at) <= now() - interval '1 second' THEN
                       count(*) / extract(epoch FROM now() - greatest(min(created_at), now() - interval '60 seconds')) END
            FROM (SELECT batch_id, created_at FROM images ORDER BY id DESC LIMIT 50000) latest
            WHERE created_at > now() - interval '60 seconds' GROUP BY batch_id
            """
        ).rows
        return Dictionary(
            uniqueKeysWithValues: rows.compactMap { row in
                row[0].flatMap { Int64($0) }.map { (BatchID(rawValue: $0), row[1].flatMap { Double($0) }) }
            })
    }

    private static func report(_ id: BatchID, pace: Double?, _ session: PostgresSession) throws -> BatchReport {
        let parameter = [PostgresValue.integer(id.rawValue)]
        guard
            let head = try session.query(
                """
                SELECT b.name, b.output_root, m.name, to_char(b.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       b.paused_at IS NOT NULL, b.pause_reason, b.budget_microusd, m.path,
                       (SELECT count(*) FROM workers w WHERE w.model_fingerprint = b.model_fingerprint AND w.stopped_at IS NULL
                            AND w.drain_requested_at IS NULL AND w.heartbeat_at > now() - interval '60 seconds'),
                       (SELECT count(*) FROM images i WHERE i.batch_id = b.id AND i.prompt_tokens_used < i.prompt_tokens),
                       v.reserved_microusd, v.over_microusd,
                       CASE WHEN b.pause_reason = 'budget' THEN b.budget_needed_microusd END
                FROM batches b JOIN model_weights m ON m.fingerprint = b.model_fingerprint
                JOIN batch_budgets v ON v.batch_id = b.id WHERE b.id = $1
                """, parameter
            ).rows.first
        else { throw StoreError(.postgres, .notFound, "there is no batch \(id)") }
        let tally = try Self.tally(of: id, session)
        let failures = try session.query(
            "SELECT reason, attempts, last_message FROM failures_by_reason WHERE batch_id = $1 ORDER BY attempts DESC, reason",
            parameter
        ).rows.map { Failure(reason: $0[0] ?? "", attempts: $0[1].flatMap { Int($0) } ?? 0, message: $0[2] ?? "") }
        let left = tally.jobs.filter { JobState(rawValue: $0.key)?.isFinal != true }.values.reduce(0, +)
        return BatchReport(
            id: id.rawValue, name: head[0] ?? "", outputRoot: head[1] ?? "", model: head[2] ?? "",
            createdAt: head[3] ?? "", paused: head[4] == "t", pauseReason: head[5],
            budgetMicrodollars: head[6].flatMap { Int64($0) },
            reservedMicrodollars: head[10].flatMap { Int64($0) } ?? 0,
            overMicrodollars: head[11].flatMap { Int64($0) }, neededMicrodollars: head[12].flatMap { Int64($0) },
            jobs: tally.jobs,
            total: tally.jobs.values.reduce(0, +), images: tally.images, lostAttempts: tally.lostAttempts,
            imageMicrodollars: tally.imageMicrodollars, wasteMicrodollars: tally.wasteMicrodollars,
            secondsByStage: tally.secondsByStage, secondsPerImage: tally.secondsPerImage,
            embeddings: tally.embeddings,
            imagesPerSecond: pace, secondsLeft: pace.flatMap { $0 > 0 ? Double(left) / $0 : nil },
            failures: failures, cutPrompts: head[9].flatMap { Int($0) } ?? 0,
            workers: head[8].flatMap { Int($0) } ?? 0, beginsAt: try beginning(of: id, tally, session),
            modelPath: head[7] ?? "")
    }

    /// When a batch of which nothing may begin now begins.
    private static func beginning(of id: BatchID, _ tally: Tally, _ session: PostgresSession) throws -> String? {
        func count(_ state: JobState) -> Int { tally.jobs[state.rawValue] ?? 0 }
        guard count(.scheduled) > 0, count(.available) + count(.running) + count(.retryable) == 0 else { return nil }
        // A job that waits for a limit of its model is put off by a second or two; that is no beginning.
        let rows = try session.query(
            """
            SELECT to_char(min(scheduled_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM job_states
            WHERE batch_id = $1 AND state = 'scheduled' HAVING min(scheduled_at) > now() + interval '5 seconds'
            """, [.integer(id.rawValue)]
        ).rows
        return rows.first?.first.flatMap { $0 }
    }

    /// A model with work waiting or under way.
    package struct Backlog: Codable, Sendable {
        package let fingerprint: String
        package let name: String
        package let jobs: Int
        /// Seconds of one worker's work; nil before the model's first image.
        package let seconds: Double?
        /// Jobs of paused batches, or all that wait while the model is paused; not in the other numbers.
        package let pausedJobs: Int
    }

    /// Every model's backlog.
    package func backlog() async throws -> [Backlog] {
        try await connection.run { session in
            try session.query(
                """
                SELECT model_fingerprint, name, jobs, backlog_seconds, paused_jobs FROM backlog
                WHERE jobs > 0 OR paused_jobs > 0 ORDER BY name
                """
            ).rows.map { row in
                Backlog(
                    fingerprint: row[0] ?? "", name: row[1] ?? "", jobs: row[2].flatMap { Int($0) } ?? 0,
                    seconds: row[3].flatMap { Double($0) }, pausedJobs: row[4].flatMap { Int($0) } ?? 0)
            }
        }
    }

    /// What a worker started without a model should load: that of the oldest batch with unfinished jobs.
    /// - Parameter leftOut: Models it cannot serve for now.
    package func modelWithWork(
        except leftOut: Set<ModelFingerprint> = []
    ) async throws -> (fingerprint: ModelFingerprint, path: String)? {
        try await connection.run { session in
            try session.query(
                """
                SELECT m.fingerprint, m.path FROM batches b JOIN model_weights m ON m.fingerprint = b.model_fingerprint
                WHERE b.id IN (SELECT batch_id FROM batch_tallies GROUP BY batch_id
                               HAVING sum(available + scheduled + running + retryable) > 0)
                  AND NOT m.fingerprint = ANY ($1::text[])
                ORDER BY b.id LIMIT 1
                """, [.texts(leftOut.map(\.rawValue))]
            ).rows.first.map { (ModelFingerprint(rawValue: $0[0] ?? ""), $0[1] ?? "") }
        }
    }

    /// Models with unfinished jobs.
    package func modelsWithWork() async throws -> [ModelFingerprint] {
        try await connection.run { session in
            try session.query(
                """
                SELECT b.model_fingerprint FROM batches b JOIN batch_tallies t ON t.batch_id = b.id GROUP BY b.model_fingerprint
                HAVING sum(t.available + t.scheduled + t.running + t.retryable) > 0 ORDER BY b.model_fingerprint
                """
            ).rows.map { ModelFingerprint(rawValue: $0[0] ?? "") }
        }
    }

    /// The checkpoint a batch was submitted with.
    package func model(_ fingerprint: ModelFingerprint) async throws -> ModelRecord? {
        try await connection.run { session in
            try session.query(
                "SELECT name, path, pipeline_class, parameter_count, byte_count FROM model_weights WHERE fingerprint = $1",
                [.text(fingerprint.rawValue)]
            ).rows.first.map { row in
                ModelRecord(
                    fingerprint: fingerprint, name: row[0] ?? "", path: row[1] ?? "", pipelineClass: row[2] ?? "",
                    parameterCount: row[3].flatMap { Int64($0) } ?? 0, byteCount: row[4].flatMap { Int64($0) } ?? 0)
            }
        }
    }

    /// Mean micro-dollars of a model's last 200 images; nil before the first.
    package func meanImageCost(_ model: ModelFingerprint) async throws -> Double? {
        try await connection.run { session in
            try session.query(
                """
                SELECT avg(cost_microusd) FROM (
                    SELECT a.cost_microusd FROM images i JOIN attempts a ON a.id = i.attempt_id JOIN batches b ON b.id = i.batch_id
                    WHERE b.model_fingerprint = $1 ORDER BY i.id DESC LIMIT 200) recent
                """, [.text(model.rawValue)]
            ).rows.first?.first.flatMap { $0 }.flatMap { Double($0) }
        }
    }
}
