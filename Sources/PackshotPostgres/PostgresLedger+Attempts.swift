internal import Foundation
package import PackshotJobs

extension PostgresLedger: JobLedger {
    package func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        guard !jobs.isEmpty else { return [] }
        return try await connection.run { session in
            let ids = PostgresValue.integers(jobs.map(\.rawValue))
            var rows = try session.query(
                Self.freeClaimSQL, [ids, .text(worker.rawValue), .microseconds(lease)]
            ).rows
            if rows.count < jobs.count {
                // Rarely: what is left over may wait on a budget or on its model's limits.
                rows += try Self.claimRestricted(ids, by: worker, lease: lease, session)
            }
            return try rows.map(Self.claimedJob)
        }
    }

    /// Claims jobs that nothing restricts; $1 ids, $2 worker, $3 lease in microseconds.
    private static let freeClaimSQL = claimSQL(
        """
        SELECT j.id, j.state, j.attempt, NULL::bigint AS reserved FROM jobs j JOIN batches b ON b.id = j.batch_id
        WHERE j.id = ANY ($1::bigint[]) AND b.paused_at IS NULL AND j.attempt < j.max_attempts
          AND (j.state = 'available' OR (j.state IN ('scheduled', 'retryable') AND j.scheduled_at <= now()))
          AND b.budget_microusd IS NULL
          AND NOT EXISTS (SELECT FROM model_limits l WHERE l.model_fingerprint = j.model_fingerprint)
        ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
        """,
        // A job this worker holds already is given again: the answer to the first confirmation may have been lost.
        alsoHeld: """
            UNION ALL SELECT j.id, a.id, a.number, a.reserved_microusd
            FROM jobs j JOIN attempts a ON a.id = j.current_attempt_id
            WHERE j.id = ANY ($1::bigint[]) AND j.state = 'running' AND a.worker_id = $2
            """)

    /// The statement that makes attempts of the jobs a query gives: columns id, state, attempt and what to set aside.
    static func claimSQL(_ claimable: String, alsoHeld: String = "") -> String {
        """
        WITH claimable AS (\(claimable)), made AS (
            INSERT INTO attempts (job_id, worker_id, number, rate_card_id, reserved_microusd)
            SELECT c.id, w.id, c.attempt + 1, w.rate_card_id, c.reserved
            FROM claimable c CROSS JOIN workers w WHERE w.id = $2
            RETURNING id, job_id, number, reserved_microusd
        ), taken AS (
            UPDATE jobs SET state = 'running', attempt = m.number, current_attempt_id = m.id, scheduled_at = NULL,
                lease_expires_at = now() + $3::bigint * interval '1 microsecond'
            FROM made m WHERE jobs.id = m.job_id RETURNING jobs.id, m.id AS attempt_id, m.number, m.reserved_microusd
        ), noted AS (
            INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id)
            SELECT t.id, 'claimed', c.state, 'running', t.attempt_id, $2 FROM taken t JOIN claimable c ON c.id = t.id
        ), held AS (
            SELECT id, attempt_id, number, reserved_microusd FROM taken \(alsoHeld)
        )
        SELECT j.id, j.batch_id, b.name, h.attempt_id, h.number, j.max_attempts, p.sku, p.title, j.shot, j.variant,
               j.model_fingerprint, j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance,
               j.text_cleaning, b.output_root, j.relative_path, h.reserved_microusd
        FROM held h JOIN jobs j ON j.id = h.id JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id
        """
    }

    private static func claimedJob(_ row: [String?]) throws -> ClaimedJob {
        var cells = Reader(row)
        let id = JobID(rawValue: try cells.number())
        let batch = BatchID(rawValue: try cells.number())
        let batchName = try cells.text()
        let attempt = AttemptID(rawValue: try cells.number())
        let (number, maxAttempts) = (try cells.number(Int.self), try cells.number(Int.self))
        let (sku, title, shot) = (try cells.text(), try cells.text(), try cells.text())
        let variant = try cells.number(Int.self)
        let model = ModelFingerprint(rawValue: try cells.text())
        let spec = GenerationSpec(
            prompt: try cells.text(), negativePrompt: try cells.text(), seed: try cells.number(),
            width: try cells.number(),
            height: try cells.number(), steps: try cells.number(), guidance: try cells.number(),
            textCleaning: cells.optional().flatMap(PromptCleaning.init(rawValue:)))
        let (outputRoot, relativePath) = (try cells.text(), try cells.text())
        let reserved = cells.optional().flatMap { Int64($0) }.map(MicroDollars.init(rawValue:))
        return ClaimedJob(
            id: id, batch: batch, batchName: batchName, attempt: attempt, attemptNumber: number,
            maxAttempts: maxAttempts,
            sku: sku, title: title, shot: shot, variant: variant, model: model, spec: spec,
            outputRoot: outputRoot, relativePath: relativePath, spendingLimit: reserved)
    }

    package func releaseDue(limit: Int) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try Self.entries(
                session.query(
                    """
                    WITH due AS (
                        SELECT id, state FROM jobs WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= now()
                        ORDER BY scheduled_at LIMIT $1 FOR UPDATE SKIP LOCKED
                    ), released AS (
                        UPDATE jobs SET state = 'available', scheduled_at = NULL, available_at = now()
                        FROM due WHERE jobs.id = due.id
                        RETURNING jobs.id, jobs.model_fingerprint, jobs.priority, due.state AS before
                    ), noted AS (
                        INSERT INTO job_events (job_id, event, from_state, to_state)
                        SELECT id, 'due', before, 'available' FROM released
                    )
                    SELECT id, model_fingerprint, priority, NULL FROM released ORDER BY id
                    """, [.integer(limit)]))
        }
    }

    package func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try Self.entries(
                session.query(
                    """
                    SELECT j.id, j.model_fingerprint, j.priority, NULL
                    FROM jobs j JOIN batches b ON b.id = j.batch_id
                    WHERE j.model_fingerprint = $1 AND j.state = 'available' AND j.id > $2 AND b.paused_at IS NULL
                      AND NOT EXISTS (SELECT FROM model_limits l WHERE l.model_fingerprint = $1 AND l.paused_at IS NOT NULL)
                      AND j.available_at < now() - $3::bigint * interval '1 microsecond'
                    ORDER BY j.id LIMIT $4
                    """,
                    [
                        .text(model.rawValue), .integer(after?.rawValue ?? 0), .microseconds(grace), .integer(limit),
                    ]))
        }
    }

    package func hasUnfinishedJobs(model: ModelFingerprint) async throws -> Bool {
        try await connection.run { session in
            try session.query(
                """
                SELECT EXISTS (SELECT FROM jobs WHERE model_fingerprint = $1 AND state = 'running')
                    OR (NOT EXISTS (SELECT FROM model_limits WHERE model_fingerprint = $1 AND paused_at IS NOT NULL) AND (
                        EXISTS (SELECT FROM jobs j JOIN batches b ON b.id = j.batch_id
                                WHERE j.model_fingerprint = $1 AND j.state = 'available' AND b.paused_at IS NULL)
                        OR EXISTS (SELECT FROM jobs j JOIN batches b ON b.id = j.batch_id
                                WHERE j.model_fingerprint = $1 AND j.state IN ('scheduled', 'retryable') AND b.paused_at IS NULL)))
                """, [.text(model.rawValue)]
            ).rows.first?.first == "t"
        }
    }

    /// Entries from columns id, model, priority and due time in seconds since 1970 or NULL.
    static func entries(_ rows: PostgresRows) throws -> [DispatchEntry] {
        try rows.rows.map { row in
            var cells = Reader(row)
            let id = JobID(rawValue: try cells.number())
            let lane = QueueLane(model: ModelFingerprint(rawValue: try cells.text()), priority: try cells.number())
            let due = cells.optional().flatMap { Double($0) }
            return DispatchEntry(
                job: id, lane: lane, notBefore: due.map { .init(timeIntervalSince1970: $0) })
        }
    }
}
