internal import Foundation
package import PackshotJobs

extension PostgresLedger: JobLedger {
    package func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        guard !jobs.isEmpty else { return [] }
        return try await connection.run { session in
            // A job this worker holds already is given again: the answer to the first confirmation may have been lost.
            let rows = try session.query(
                """
                WITH claimable AS (
                    SELECT j.id, j.state, j.attempt FROM jobs j JOIN batches b ON b.id = j.batch_id
                    WHERE j.id = ANY ($1::bigint[]) AND b.paused_at IS NULL AND j.attempt < j.max_attempts
                      AND (j.state = 'available' OR (j.state IN ('scheduled', 'retryable') AND j.scheduled_at <= now()))
                    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
                ), made AS (
                    INSERT INTO attempts (job_id, worker_id, number, rate_card_id)
                    SELECT c.id, w.id, c.attempt + 1, w.rate_card_id FROM claimable c CROSS JOIN workers w WHERE w.id = $2
                    RETURNING id, job_id, number
                ), taken AS (
                    UPDATE jobs SET state = 'running', attempt = m.number, current_attempt_id = m.id, scheduled_at = NULL,
                        lease_expires_at = now() + $3::bigint * interval '1 microsecond'
                    FROM made m WHERE jobs.id = m.job_id RETURNING jobs.id, m.id AS attempt_id, m.number
                ), noted AS (
                    INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id)
                    SELECT t.id, 'claimed', c.state, 'running', t.attempt_id, $2 FROM taken t JOIN claimable c ON c.id = t.id
                ), held AS (
                    SELECT id, attempt_id, number FROM taken
                    UNION ALL
                    SELECT j.id, a.id, a.number FROM jobs j JOIN attempts a ON a.id = j.current_attempt_id
                    WHERE j.id = ANY ($1::bigint[]) AND j.state = 'running' AND a.worker_id = $2
                )
                SELECT j.id, j.batch_id, b.name, h.attempt_id, h.number, j.max_attempts, p.sku, p.title, j.shot, j.variant,
                       j.model_fingerprint, j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance,
                       b.output_root, j.relative_path
                FROM held h JOIN jobs j ON j.id = h.id JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id
                """, [.integers(jobs.map(\.rawValue)), .text(worker.rawValue), .microseconds(lease)]
            ).rows
            return try rows.map(Self.claimedJob)
        }
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
            height: try cells.number(), steps: try cells.number(), guidance: try cells.number())
        return ClaimedJob(
            id: id, batch: batch, batchName: batchName, attempt: attempt, attemptNumber: number,
            maxAttempts: maxAttempts,
            sku: sku, title: title, shot: shot, variant: variant, model: model, spec: spec,
            outputRoot: try cells.text(),
            relativePath: try cells.text())
    }

    package func rescueExpired(limit: Int) async throws -> [DispatchEntry] {
        try await connection.run { session in
            // The lost time is charged on the worker's own time line, from the claim to the lease's end; several jobs lost
            // together are charged one after the other, never twice.
            try Self.entries(
                session.query(
                    """
                    WITH expired AS (
                        SELECT id, current_attempt_id, attempt, max_attempts, lease_expires_at FROM jobs
                        WHERE state = 'running' AND lease_expires_at < now()
                          AND now() - pg_postmaster_start_time() > interval '5 seconds'
                        ORDER BY lease_expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
                    ), span AS (
                        SELECT e.*, a.worker_id, r.microusd_per_hour,
                               greatest(0, extract(epoch FROM a.started_at - w.started_at) * 1000000)::bigint AS claimed_us,
                               greatest(0, extract(epoch FROM e.lease_expires_at - w.started_at) * 1000000)::bigint AS ended_us,
                               coalesce((SELECT max(o.busy_to_us) FROM attempts o WHERE o.worker_id = a.worker_id), 0) AS charged_us
                        FROM expired e JOIN attempts a ON a.id = e.current_attempt_id
                        JOIN workers w ON w.id = a.worker_id JOIN rate_cards r ON r.id = w.rate_card_id
                    ), line AS (
                        SELECT s.*, greatest(claimed_us, charged_us,
                                   coalesce(max(ended_us) OVER (PARTITION BY worker_id ORDER BY current_attempt_id
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS from_us
                        FROM span s
                    ), ended AS (
                        UPDATE attempts SET state = 'lost', finished_at = clock_timestamp(), busy_from_us = l.from_us,
                            busy_to_us = greatest(l.from_us, l.ended_us),
                            cost_microusd = span_cost(l.from_us, greatest(l.from_us, l.ended_us), l.microusd_per_hour),
                            error_code = 'lease_expired', error_message = 'its worker stopped renewing the lease'
                        FROM line l WHERE attempts.id = l.current_attempt_id
                    ), freed AS (
                        UPDATE jobs SET lease_expires_at = NULL, available_at = now(),
                            state = CASE WHEN l.attempt >= l.max_attempts THEN 'discarded'::job_state ELSE 'available' END,
                            finished_at = CASE WHEN l.attempt >= l.max_attempts THEN now() END,
                            error_code = 'lease_expired', error_message = 'its worker stopped renewing the lease'
                        FROM line l WHERE jobs.id = l.id
                        RETURNING jobs.id, jobs.state, jobs.model_fingerprint, jobs.priority, jobs.current_attempt_id, l.worker_id
                    ), noted AS (
                        INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id)
                        SELECT id, 'lease_expired', 'running', state, current_attempt_id, worker_id FROM freed
                    )
                    SELECT id, model_fingerprint, priority, NULL FROM freed WHERE state = 'available' ORDER BY id
                    """, [.integer(limit)]))
        }
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
                    SELECT j.id, j.model_fingerprint, j.priority, NULL FROM jobs j JOIN batches b ON b.id = j.batch_id
                    WHERE j.model_fingerprint = $1 AND j.state = 'available' AND j.id > $2 AND b.paused_at IS NULL
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
                SELECT EXISTS (SELECT FROM jobs WHERE model_fingerprint = $1 AND state = 'available')
                    OR EXISTS (SELECT FROM jobs WHERE model_fingerprint = $1 AND state = 'running')
                    OR EXISTS (SELECT FROM jobs WHERE model_fingerprint = $1 AND state IN ('scheduled', 'retryable'))
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
            return DispatchEntry(job: id, lane: lane, notBefore: due.map { .init(timeIntervalSince1970: $0) })
        }
    }
}
