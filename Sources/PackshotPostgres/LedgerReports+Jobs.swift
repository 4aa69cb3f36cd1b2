package import PackshotJobs

extension LedgerReports {
    /// A job as `packshot jobs` lists it.
    package struct JobReport: Codable, Sendable {
        package let job: Int64
        package let batch: String
        package let sku: String
        package let shot: String
        package let variant: Int
        package let state: String
        package let attempt: Int
        package let maxAttempts: Int
        package let reason: String?
        package let message: String?
    }

    /// Selected jobs in the order of their ids.
    package func jobs(_ selection: JobSelection, limit: Int) async throws -> [JobReport] {
        try await connection.run { session in
            let (condition, parameters) = PostgresLedger.condition(selection)
            return try session.query(
                """
                SELECT j.id, b.name, p.sku, j.shot, j.variant, s.state, s.attempt, s.max_attempts, s.error_code, s.error_message
                FROM job_specs j JOIN job_states s ON s.job_id = j.id JOIN products p ON p.id = j.product_id JOIN batches b ON b.id = j.batch_id
                WHERE \(condition) ORDER BY j.id LIMIT $\(parameters.count + 1)
                """, parameters + [.integer(limit)]
            ).rows.map { row -> JobReport in
                func number(_ index: Int) -> Int { row[index].flatMap { Int($0) } ?? 0 }
                return JobReport(
                    job: Int64(number(0)), batch: row[1] ?? "", sku: row[2] ?? "", shot: row[3] ?? "",
                    variant: number(4), state: row[5] ?? "", attempt: number(6), maxAttempts: number(7),
                    reason: row[8], message: row[9])
            }
        }
    }

    /// How many of some jobs are in which state. Meant for some thousand at a time.
    package func states(of jobs: [JobID]) async throws -> [JobState: Int] {
        try await connection.run { session in
            let rows = try session.query(
                """
                SELECT s.state, count(*) FROM unnest($1::bigint[]) AS i (id) JOIN job_states s ON s.job_id = i.id GROUP BY s.state
                """, [.bigints(jobs.map(\.rawValue))]
            ).rows
            return Dictionary(
                uniqueKeysWithValues: rows.compactMap { row in
                    row[0].flatMap(JobState.init(rawValue:)).map { ($0, row[1].flatMap { Int($0) } ?? 0) }
                })
        }
    }

    /// A job as a worker would get it, but that it is nobody's attempt: nothing of it changes. nil where there is none.
    package func recorded(_ job: JobID) async throws -> ClaimedJob? {
        try await connection.run { session in
            try session.query(
                """
                SELECT \(PostgresLedger.answerColumns), coalesce(s.current_attempt_id, 0), s.attempt, NULL
                FROM job_specs j JOIN job_states s ON s.job_id = j.id JOIN batches b ON b.id = j.batch_id
                JOIN products p ON p.id = j.product_id WHERE j.id = $1
                """, [.integer(job.rawValue)]
            ).rows.first.map(PostgresLedger.claimedJob)
        }
    }

    /// How many jobs are selected, counted to `most`.
    package func jobCount(_ selection: JobSelection, most: Int) async throws -> Int {
        try await connection.run { session in
            let (condition, parameters) = PostgresLedger.condition(selection)
            return try session.query(
                """
                SELECT count(*) FROM (
                    SELECT FROM job_specs j JOIN job_states s ON s.job_id = j.id JOIN products p ON p.id = j.product_id
                    JOIN batches b ON b.id = j.batch_id WHERE \(condition) LIMIT $\(parameters.count + 1)) selected
                """, parameters + [.integer(most)]
            ).rows.first?.first.flatMap { $0 }.flatMap { Int($0) } ?? 0
        }
    }

    /// What a model's images took and cost so far.
    package struct History: Sendable {
        /// Mean seconds of a worker's time over the last 200 images; nil before the first.
        package let secondsPerImage: Double?
        /// Price of an hour of the model's newest worker; nil before the first.
        package let perHour: MicroDollars?
        /// Bytes of tables and indexes a job takes in the ledger; nil before the first.
        package let ledgerBytesPerJob: Double?
    }

    /// A model's pace and price as measured.
    package func history(of model: ModelFingerprint) async throws -> History {
        try await connection.run { session in
            let row = try session.query(
                """
                SELECT (SELECT seconds_per_image FROM backlog WHERE model_fingerprint = $1),
                       (SELECT r.microusd_per_hour FROM workers w JOIN rate_cards r ON r.id = w.rate_card_id
                        WHERE w.model_fingerprint = $1 ORDER BY w.started_at DESC LIMIT 1),
                       (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
                        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace)
                           / nullif((SELECT sum(available + scheduled + running + retryable + completed + cancelled + discarded)
                                    FROM batch_tallies WHERE batch_id IN (SELECT id FROM batches WHERE forgotten_at IS NULL)), 0)
                """, [.text(model.rawValue)]
            ).rows[0]
            return History(
                secondsPerImage: row[0].flatMap { Double($0) },
                perHour: row[1].flatMap { Int64($0) }.map(MicroDollars.init(rawValue:)),
                ledgerBytesPerJob: row[2].flatMap { Double($0) })
        }
    }

    /// Every model the ledger knows.
    package func models() async throws -> [ModelFingerprint] {
        try await connection.run { session in
            try session.query("SELECT fingerprint FROM model_weights ORDER BY fingerprint").rows.compactMap {
                $0[0].map(ModelFingerprint.init(rawValue:))
            }
        }
    }

    /// The newest model with a name, or the one with a fingerprint (its beginning is enough).
    /// - Throws: ``StoreError`` `.notFound`.
    package func findModel(_ name: String) async throws -> ModelFingerprint {
        let rows = try await connection.run { session in
            try session.query(
                """
                SELECT fingerprint FROM model_weights
                WHERE name = $1 OR (length($1) >= 8 AND starts_with(fingerprint, $1)) ORDER BY first_seen_at DESC LIMIT 1
                """, [.text(name)]
            ).rows
        }
        guard let fingerprint = rows.first?.first.flatMap({ $0 }) else {
            let names = try await connection.run { session in
                try session.query("SELECT DISTINCT name FROM model_weights ORDER BY name LIMIT 20").rows.compactMap {
                    $0.first.flatMap { $0 }
                }
            }
            throw StoreError(
                .postgres, .notFound,
                "the ledger knows no model \(name.debugDescription)"
                    + (names.isEmpty ? "" : "; it knows \(names.joined(separator: ", "))"))
        }
        return ModelFingerprint(rawValue: fingerprint)
    }

    /// The model a batch was submitted with.
    package func model(of batch: BatchID) async throws -> ModelFingerprint {
        try await connection.run { session in
            let row = try session.query(
                "SELECT model_fingerprint FROM batches WHERE id = $1", [.integer(batch.rawValue)]
            ).rows.first
            guard let fingerprint = row?.first.flatMap({ $0 }) else {
                throw StoreError(.postgres, .notFound, "there is no batch \(batch)")
            }
            return ModelFingerprint(rawValue: fingerprint)
        }
    }

    /// A model's limits.
    package func limits(_ model: ModelFingerprint) async throws -> ModelLimits {
        try await connection.run { session in try PostgresLedger.limits(model, session) }
    }
}
