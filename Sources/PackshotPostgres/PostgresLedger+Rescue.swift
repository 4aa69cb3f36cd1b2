package import PackshotJobs

extension PostgresLedger {
    package func rescueExpired(limit: Int) async throws -> RescuedJobs {
        try await connection.run { session in
            try session.query(Self.passSQL)
            try session.query(Self.endAbandonedSQL, [.integer(limit)])
            let rows = try session.query(Self.rescueSQL, [.integer(limit)]).rows
            let isAvailable = { (row: [String?]) in row[6] == JobState.available.rawValue }
            return RescuedJobs(
                available: try rows.filter(isAvailable).map(Self.entry),
                discarded: try rows.filter { !isAvailable($0) }.map { row in
                    var cells = Reader([row[0]] + row[7...])
                    return GivenUpJob(
                        id: JobID(rawValue: try cells.number()), batchName: try cells.text(),
                        outputRoot: try cells.text(), relativePath: try cells.text())
                })
        }
    }

    /// Leaves word that the ledger is alive. What was silence until now stays silence.
    private static let passSQL =
        "UPDATE ledger_watch SET silent_us = ledger_silence(), last_pass = greatest(last_pass, now())"

    /// Where lost time is charged: on the worker's own time line, from the claim to `ended_at`; several attempts lost together
    /// are charged one after the other, never twice. A worker has some hundred attempts in hand at the most, so that what it was
    /// charged with last is among its latest. Reads a query `lost` of columns attempt_id and ended_at.
    private static let timeline = """
        span AS (
            SELECT l.attempt_id, a.worker_id, r.microusd_per_hour,
                   greatest(0, extract(epoch FROM a.started_at - w.started_at) * 1000000)::bigint AS claimed_us,
                   greatest(0, extract(epoch FROM l.ended_at - w.started_at) * 1000000)::bigint AS ended_us,
                   coalesce((SELECT max(o.busy_to_us) FROM (
                       SELECT busy_to_us FROM attempts WHERE worker_id = a.worker_id ORDER BY id DESC LIMIT 2000) o), 0) AS charged_us
            FROM lost l JOIN attempts a ON a.id = l.attempt_id
            JOIN workers w ON w.id = a.worker_id JOIN rate_cards r ON r.id = w.rate_card_id
        ), line AS (
            SELECT s.*, greatest(claimed_us, charged_us,
                       coalesce(max(ended_us) OVER (PARTITION BY worker_id ORDER BY attempt_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS from_us
            FROM span s
        )
        """

    private static let rescueSQL = """
        WITH expired AS (
            SELECT s.job_id, s.batch_id, s.current_attempt_id, s.attempt, s.max_attempts, s.lease_expires_at
            FROM job_states s JOIN attempts a ON a.id = s.current_attempt_id JOIN workers w ON w.id = a.worker_id
            -- Of what has run out by the clock, what has run out by time in which its worker could have renewed it.
            WHERE s.state = 'running' AND s.lease_expires_at < now()
              AND s.lease_expires_at + (ledger_silence() - w.silent_us) * interval '1 microsecond' < now()
            ORDER BY s.lease_expires_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED
        ), lost AS (
            SELECT current_attempt_id AS attempt_id, lease_expires_at AS ended_at FROM expired
        ), \(timeline), ended AS (
            UPDATE attempts SET state = 'lost', is_estimate = true, finished_at = clock_timestamp(), busy_from_us = l.from_us,
                busy_to_us = greatest(l.from_us, l.ended_us),
                cost_microusd = span_cost(l.from_us, greatest(l.from_us, l.ended_us), l.microusd_per_hour),
                error_code = 'lease_expired', error_message = 'its worker stopped renewing the lease'
            FROM line l WHERE attempts.id = l.attempt_id
        ), freed AS (
            UPDATE job_states SET lease_expires_at = NULL, available_at = now(),
                state = CASE WHEN e.attempt >= e.max_attempts THEN 'discarded'::job_state ELSE 'available' END,
                finished_at = CASE WHEN e.attempt >= e.max_attempts THEN now() END,
                error_code = 'lease_expired', error_message = 'its worker stopped renewing the lease'
            FROM expired e JOIN line l ON l.attempt_id = e.current_attempt_id WHERE job_states.job_id = e.job_id
            RETURNING job_states.job_id, job_states.batch_id, job_states.state, job_states.current_attempt_id, l.worker_id
        ), noted AS (
            INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id)
            SELECT job_id, 'lease_expired', 'running', state, current_attempt_id, worker_id FROM freed
        )
        SELECT f.job_id, b.model_fingerprint, j.priority, NULL, b.share, b.weight,
               f.state, b.name, b.output_root, j.relative_path
        FROM freed f JOIN batches b ON b.id = f.batch_id JOIN job_specs j ON j.id = f.job_id ORDER BY f.job_id
        """

    /// Attempts of cancelled jobs that nobody will end: their worker has gone without a word, and they end when it was last
    /// heard of; or it never learnt that it had them, and they end when they were cancelled. A later report still counts.
    private static let endAbandonedSQL = """
        WITH lost AS (
            SELECT a.id AS attempt_id,
                   CASE WHEN a.cancelled_at < now() - interval '2 minutes' THEN a.cancelled_at ELSE w.heartbeat_at END AS ended_at
            FROM attempts a JOIN workers w ON w.id = a.worker_id
            WHERE a.cancelled_at > now() - interval '30 days' AND a.state = 'running'
              AND (w.stopped_at IS NOT NULL
                   OR w.heartbeat_at + (ledger_silence() - w.silent_us) * interval '1 microsecond' < now() - interval '30 seconds'
                   OR a.cancelled_at < now() - interval '2 minutes')
            ORDER BY a.id LIMIT $1 FOR UPDATE OF a SKIP LOCKED
        ), \(timeline)
        UPDATE attempts SET state = 'cancelled', is_estimate = true, finished_at = clock_timestamp(), busy_from_us = l.from_us,
            busy_to_us = greatest(l.from_us, l.ended_us),
            cost_microusd = span_cost(l.from_us, greatest(l.from_us, l.ended_us), l.microusd_per_hour),
            error_code = 'worker_gone', error_message = 'cancelled, and its worker said no more of it'
        FROM line l WHERE attempts.id = l.attempt_id
        """
}
