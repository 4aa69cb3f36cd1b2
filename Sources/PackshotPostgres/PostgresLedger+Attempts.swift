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
                // Rarely: what is left over may wait on a budget or on its model's limits, or be this worker's already.
                rows += try Self.claimRestricted(ids, by: worker, lease: lease, session)
            }
            if rows.count < jobs.count {
                let known = PostgresValue.integers(rows.compactMap { $0[0].flatMap { Int64($0) } })
                rows += try session.query(Self.heldSQL, [ids, .text(worker.rawValue), known]).rows
            }
            return try rows.map(Self.claimedJob)
        }
    }

    /// Claims jobs that nothing restricts; $1 ids, $2 worker, $3 lease in microseconds.
    private static let freeClaimSQL = claimSQL(
        named: "SELECT id, NULL::bigint AS reserved FROM unnest($1::bigint[]) AS i (id)",
        where: """
            b.paused_at IS NULL AND j.attempt < j.max_attempts
            AND (j.state = 'available' OR (j.state IN ('scheduled', 'retryable') AND j.scheduled_at <= now()))
            AND b.budget_microusd IS NULL
            AND NOT EXISTS (SELECT FROM model_limits l WHERE l.model_fingerprint = j.model_fingerprint)
            """)

    /// Jobs this worker holds already, given again: the answer to their first confirmation may have been lost.
    private static let heldSQL = """
        SELECT \(answerColumns), a.id, a.number, a.reserved_microusd
        FROM unnest($1::bigint[]) AS i (id) JOIN jobs j ON j.id = i.id JOIN attempts a ON a.id = j.current_attempt_id
        JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id
        WHERE a.worker_id = $2 AND j.state = 'running' AND j.id <> ALL ($3::bigint[])
        """

    /// What a claim answers first, of jobs j, batches b and products p; then come the attempt, its number and what is set aside.
    private static let answerColumns = """
        j.id, j.batch_id, b.name, j.max_attempts, p.sku, p.title, j.shot, j.variant, j.model_fingerprint,
        j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance, j.text_cleaning, b.output_root,
        j.relative_path
        """

    /// The statement that makes attempts of those named jobs (columns id and reserved: what to set aside) that meet a condition
    /// on jobs j and batches b.
    ///
    /// The jobs are found and locked by their ids alone, whatever the condition: a plan that began with all waiting jobs would
    /// take longer the more there are. Attempts then get their numbers, so that each later part reads the one list and finds
    /// its rows by key: the work grows with the group, not with its square.
    static func claimSQL(named: String, where condition: String) -> String {
        """
        WITH locked AS MATERIALIZED (
            SELECT j.*, i.reserved FROM (\(named)) i JOIN jobs j ON j.id = i.id ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
        ), made AS MATERIALIZED (
            SELECT \(answerColumns), nextval('attempts_id_seq') AS attempt_id, j.attempt + 1 AS number, j.reserved,
                   j.state, w.rate_card_id
            FROM locked j JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id
            JOIN workers w ON w.id = $2
            WHERE \(condition)
        ), begun AS (
            INSERT INTO attempts (id, job_id, worker_id, number, rate_card_id, reserved_microusd) OVERRIDING SYSTEM VALUE
            SELECT attempt_id, id, $2, number, rate_card_id, reserved FROM made
        ), taken AS (
            UPDATE jobs SET state = 'running', attempt = m.number, current_attempt_id = m.attempt_id, scheduled_at = NULL,
                lease_expires_at = now() + $3::bigint * interval '1 microsecond'
            FROM made m WHERE jobs.id = m.id
        ), noted AS (
            INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id)
            SELECT id, 'claimed', state, 'running', attempt_id, $2 FROM made
        )
        SELECT id, batch_id, name, max_attempts, sku, title, shot, variant, model_fingerprint, prompt, negative_prompt, seed,
               width, height, steps, guidance, text_cleaning, output_root, relative_path, attempt_id, number, reserved
        FROM made
        """
    }

    private static func claimedJob(_ row: [String?]) throws -> ClaimedJob {
        var cells = Reader(row)
        let id = JobID(rawValue: try cells.number())
        let batch = BatchID(rawValue: try cells.number())
        let batchName = try cells.text()
        let maxAttempts = try cells.number(Int.self)
        let (sku, title, shot) = (try cells.text(), try cells.text(), try cells.text())
        let variant = try cells.number(Int.self)
        let model = ModelFingerprint(rawValue: try cells.text())
        let spec = GenerationSpec(
            prompt: try cells.text(), negativePrompt: try cells.text(), seed: try cells.number(),
            width: try cells.number(),
            height: try cells.number(), steps: try cells.number(), guidance: try cells.number(),
            textCleaning: cells.optional().flatMap(PromptCleaning.init(rawValue:)))
        let (outputRoot, relativePath) = (try cells.text(), try cells.text())
        let attempt = AttemptID(rawValue: try cells.number())
        let number = try cells.number(Int.self)
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
