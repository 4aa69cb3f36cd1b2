internal import Foundation
package import PackshotJobs

extension PostgresLedger: JobLedger {
    package func confirm(_ jobs: [JobID], by worker: WorkerID, lease: Duration) async throws -> [ClaimedJob] {
        // A job the queue delivered twice is claimed once: each row that names it would get an attempt of its own.
        let jobs = Set(jobs)
        guard !jobs.isEmpty else { return [] }
        return try await connection.run { session in
            let ids = PostgresValue.bigints(jobs.lazy.map(\.rawValue))
            var rows = try session.query(
                Self.freeClaimSQL, [ids, .text(worker.rawValue), .microseconds(lease)]
            ).rows
            if rows.count < jobs.count {
                // Rarely: what is left over may wait on a budget or on its model's limits, or be this worker's already.
                rows += try Self.claimRestricted(ids, by: worker, lease: lease, session)
            }
            if rows.count < jobs.count {
                let known = PostgresValue.bigints(rows.compactMap { $0[0].flatMap { Int64($0) } })
                rows += try session.query(Self.heldSQL, [ids, .text(worker.rawValue), known]).rows
            }
            return try rows.map(Self.claimedJob)
        }
    }

    /// Claims jobs that nothing restricts; $1 ids, $2 worker, $3 lease in microseconds.
    private static let freeClaimSQL = claimSQL(
        named: "SELECT id, NULL::bigint AS reserved FROM unnest($1::bigint[]) AS i (id)",
        where: """
            b.paused_at IS NULL AND s.attempt < s.max_attempts
            AND (s.state = 'available' OR (s.state IN ('scheduled', 'retryable') AND s.scheduled_at <= now()))
            AND b.budget_microusd IS NULL
            AND NOT EXISTS (SELECT FROM model_limits l WHERE l.model_fingerprint = b.model_fingerprint)
            """)

    /// Jobs this worker holds already, given again: the answer to their first confirmation may have been lost.
    private static let heldSQL = """
        SELECT \(answerColumns), a.id, a.number, a.reserved_microusd
        FROM unnest($1::bigint[]) AS i (id) JOIN job_states s ON s.job_id = i.id JOIN attempts a ON a.id = s.current_attempt_id
        JOIN job_specs j ON j.id = i.id JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id
        WHERE a.worker_id = $2 AND s.state = 'running' AND s.job_id <> ALL ($3::bigint[])
        """

    /// What a claim answers first, of specifications j, states s, batches b and products p; then come
    /// the attempt, its number and what is set aside.
    static let answerColumns = """
        j.id, j.batch_id, b.name, s.max_attempts, p.sku, p.title, j.shot, j.variant, b.model_fingerprint,
        j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance, j.text_cleaning, j.shortcuts, b.output_root,
        j.relative_path, b.share, b.weight
        """

    /// The statement that makes attempts of those named jobs (columns id and reserved: what to set aside) that meet a condition
    /// on specifications j, states s and batches b.
    ///
    /// The jobs are found and locked by their ids alone, whatever the condition: a plan that began with all waiting jobs would
    /// take longer the more there are. Attempts then get their numbers, so that each later part reads the one list and finds
    /// its rows by key: the work grows with the group, not with its square. Whatever the queue delivered to whom, a job goes to a
    /// worker of its own model only.
    static func claimSQL(named: String, where condition: String) -> String {
        """
        WITH locked AS MATERIALIZED (
            SELECT s.*, i.reserved FROM (\(named)) i JOIN job_states s ON s.job_id = i.id
            ORDER BY s.job_id FOR UPDATE OF s SKIP LOCKED
        ), made AS MATERIALIZED (
            SELECT \(answerColumns), nextval('attempts_id_seq') AS attempt_id, s.attempt + 1 AS number, s.reserved,
                   s.state, w.rate_card_id
            FROM locked s JOIN job_specs j ON j.id = s.job_id JOIN batches b ON b.id = j.batch_id
            JOIN products p ON p.id = j.product_id JOIN workers w ON w.id = $2
            WHERE b.model_fingerprint = w.model_fingerprint AND (\(condition))
        ), begun AS (
            INSERT INTO attempts (id, job_id, batch_id, worker_id, number, rate_card_id, reserved_microusd)
            OVERRIDING SYSTEM VALUE SELECT attempt_id, id, batch_id, $2, number, rate_card_id, reserved FROM made
        ), taken AS (
            UPDATE job_states SET state = 'running', attempt = m.number, current_attempt_id = m.attempt_id,
                scheduled_at = NULL, lease_expires_at = now() + $3::bigint * interval '1 microsecond'
            FROM made m WHERE job_states.job_id = m.id
        ), noted AS (
            INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id)
            SELECT id, 'claimed', state, 'running', attempt_id, $2 FROM made
        )
        SELECT id, batch_id, name, max_attempts, sku, title, shot, variant, model_fingerprint, prompt, negative_prompt, seed,
               width, height, steps, guidance, text_cleaning, shortcuts, output_root, relative_path, share, weight, attempt_id, number, reserved
        FROM made
        """
    }

    static func claimedJob(_ row: [String?]) throws -> ClaimedJob {
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
            textCleaning: cells.optional().flatMap(PromptCleaning.init(rawValue:)),
            shortcuts: try cells.optional().map { try JSONDecoder().decode(Shortcuts.self, from: Data($0.utf8)) })
        let (outputRoot, relativePath) = (try cells.text(), try cells.text())
        let share = QueueShare(name: try cells.text(), weight: try cells.number())
        let attempt = AttemptID(rawValue: try cells.number())
        let number = try cells.number(Int.self)
        let reserved = cells.optional().flatMap { Int64($0) }.map(MicroDollars.init(rawValue:))
        return ClaimedJob(
            id: id, batch: batch, batchName: batchName, attempt: attempt, attemptNumber: number,
            maxAttempts: maxAttempts,
            sku: sku, title: title, shot: shot, variant: variant, model: model, spec: spec,
            outputRoot: outputRoot, relativePath: relativePath, spendingLimit: reserved, share: share)
    }

    package func releaseDue(overdue: Duration, limit: Int) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try Self.entries(
                session.query(
                    """
                    WITH due AS (
                        SELECT s.job_id, s.batch_id, s.state FROM job_states s
                        WHERE s.state IN ('scheduled', 'retryable') AND s.scheduled_at <= now()
                          AND (s.scheduled_at <= now() - $2::bigint * interval '1 microsecond' OR s.state = 'retryable'
                               OR NOT EXISTS (SELECT FROM job_specs j WHERE j.id = s.job_id AND j.start_at = s.scheduled_at))
                        ORDER BY s.scheduled_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED
                    ), released AS (
                        UPDATE job_states SET state = 'available', scheduled_at = NULL, available_at = now()
                        FROM due WHERE job_states.job_id = due.job_id
                    ), noted AS (
                        INSERT INTO job_events (job_id, event, from_state, to_state)
                        SELECT job_id, 'due', state, 'available' FROM due
                    )
                    SELECT due.job_id, b.model_fingerprint, (SELECT priority FROM job_specs WHERE id = due.job_id), NULL,
                           b.share, b.weight
                    FROM due JOIN batches b ON b.id = due.batch_id ORDER BY due.job_id
                    """, [.integer(limit), .microseconds(overdue)]))
        }
    }

    package func owedJobs(
        model: ModelFingerprint, after: JobID?, grace: Duration, limit: Int
    ) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try Self.entries(
                session.query(
                    """
                    SELECT owed.job_id, $1, (SELECT priority FROM job_specs WHERE id = owed.job_id), NULL, b.share, b.weight
                    FROM batches b CROSS JOIN LATERAL (
                        SELECT s.job_id FROM job_states s
                        WHERE s.batch_id = b.id AND s.state = 'available' AND s.job_id > $2
                          AND s.available_at < now() - $3::bigint * interval '1 microsecond'
                        ORDER BY s.job_id LIMIT $4) owed
                    WHERE b.model_fingerprint = $1 AND b.paused_at IS NULL
                      AND NOT EXISTS (SELECT FROM model_limits l WHERE l.model_fingerprint = $1 AND l.paused_at IS NOT NULL)
                    ORDER BY owed.job_id LIMIT $4
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
                SELECT EXISTS (SELECT FROM job_states s JOIN batches b ON b.id = s.batch_id
                               WHERE s.state = 'running' AND b.model_fingerprint = $1)
                    OR (NOT EXISTS (SELECT FROM model_limits WHERE model_fingerprint = $1 AND paused_at IS NOT NULL) AND (
                        EXISTS (SELECT FROM batches b JOIN job_states s ON s.batch_id = b.id AND s.state = 'available'
                                WHERE b.model_fingerprint = $1 AND b.paused_at IS NULL)
                        OR EXISTS (SELECT FROM job_states s JOIN batches b ON b.id = s.batch_id
                                   WHERE s.state IN ('scheduled', 'retryable') AND b.model_fingerprint = $1
                                     AND b.paused_at IS NULL)))
                """, [.text(model.rawValue)]
            ).rows.first?.first == "t"
        }
    }

    /// Entries of one job each from columns id, model, priority, due time in seconds since 1970 or NULL, share and weight.
    static func entries(_ rows: PostgresRows) throws -> [DispatchEntry] { try rows.rows.map(entry) }

    /// An entry of one job from the first of a row's columns, which are those of ``entries(_:)``.
    static func entry(_ row: [String?]) throws -> DispatchEntry {
        var cells = Reader(row)
        let id = JobID(rawValue: try cells.number())
        let lane = QueueLane(model: ModelFingerprint(rawValue: try cells.text()), priority: try cells.number())
        let due = cells.optional().flatMap { Double($0) }
        let share = QueueShare(name: try cells.text(), weight: try cells.number())
        return DispatchEntry(
            job: id, lane: lane, share: share, notBefore: due.map { .init(timeIntervalSince1970: $0) })
    }
}
