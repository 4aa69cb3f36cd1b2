package import PackshotJobs

extension PostgresLedger {
    package func register(_ worker: WorkerRegistration) async throws {
        try await connection.run { session in
            try Self.record(worker.model, session)
            try session.transaction {
                let card = try Self.rateCard(worker.rateCard, session)
                // Where this month's history goes, and the next's.
                try session.query(
                    "SELECT make_month_of_events(now()::date), make_month_of_events((now() + interval '1 month')::date)"
                )
                try session.query(
                    """
                    INSERT INTO workers (id, host, process_id, version, threads, kernel_class, model_fingerprint, rate_card_id,
                        output_root, silent_us)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ledger_silence())
                    -- An id is of one start: whoever comes again did not hear the first answer.
                    ON CONFLICT (id) DO NOTHING
                    """,
                    [
                        .text(worker.id.rawValue), .text(worker.host), .integer(worker.processID),
                        .text(worker.version),
                        .integer(worker.threads), .text(worker.kernelClass), .text(worker.model.fingerprint.rawValue),
                        .integer(card), .text(worker.outputRoot),
                    ])
            }
        }
    }

    package func deregister(_ worker: WorkerID, uptime: Int64) async throws {
        try await connection.run { session in
            try session.query(
                """
                UPDATE workers SET stopped_at = now(), heartbeat_at = now(), uptime_us = greatest(uptime_us, $2)
                WHERE id = $1 AND stopped_at IS NULL
                """, [.text(worker.rawValue), .integer(uptime)])
        }
    }

    package func heartbeat(
        _ worker: WorkerID, progress: [AttemptProgress], uptime: Int64, lease: Duration
    ) async throws -> HeartbeatReply {
        // In the order in which everybody locks jobs, so that nobody waits for somebody who waits for this.
        let progress = progress.sorted { $0.job < $1.job }
        return try await connection.run { session in
            // A heartbeat that a crash of the server loses is no loss: it need not wait for the disk.
            let rows = try session.query(
                """
                WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
                beat AS (
                    UPDATE workers SET heartbeat_at = now(), uptime_us = greatest(uptime_us, $2), silent_us = ledger_silence()
                    FROM quick WHERE id = $1
                    RETURNING drain_requested_at IS NOT NULL AS drain
                ), held AS (
                    SELECT h.*, EXISTS (
                        SELECT FROM attempts a WHERE a.id = h.attempt AND a.job_id = h.job AND a.worker_id = $1) AS is_own
                    FROM unnest($4::bigint[], $5::bigint[], $6::integer[], $7::integer[]) AS h (job, attempt, step, steps)
                ), renewed AS (
                    UPDATE job_states SET lease_expires_at = now() + $3::bigint * interval '1 microsecond'
                    FROM held h WHERE job_states.job_id = h.job AND job_states.current_attempt_id = h.attempt
                      AND job_states.state = 'running' AND h.is_own
                    RETURNING h.attempt
                ), stepped AS (
                    UPDATE attempts SET step = h.step, steps = h.steps
                    -- Reading `renewed` makes it come first: jobs are locked before their attempts by everybody.
                    FROM renewed r JOIN held h ON h.attempt = r.attempt
                    WHERE attempts.id = h.attempt AND attempts.state = 'running' AND attempts.step <> h.step
                )
                SELECT (SELECT drain FROM beat), h.attempt, s.state = 'running' AND s.current_attempt_id = h.attempt AND h.is_own,
                       s.state = 'cancelled' AND s.current_attempt_id = h.attempt AND h.is_own
                FROM (SELECT 1) one LEFT JOIN held h ON true LEFT JOIN job_states s ON s.job_id = h.job
                """,
                [
                    .text(worker.rawValue), .integer(uptime), .microseconds(lease),
                    .bigints(progress.map(\.job.rawValue)), .bigints(progress.map(\.attempt.rawValue)),
                    .integers(progress.map { Int32(clamping: $0.step) }),
                    .integers(progress.map { Int32(clamping: $0.steps) }),
                ]
            ).rows
            var lost: Set<AttemptID> = []
            var cancelled: Set<AttemptID> = []
            var drain = false
            for row in rows {
                drain = drain || row[0] == "t"
                guard let attempt = row[1].flatMap({ Int64($0) }).map(AttemptID.init(rawValue:)), row[2] != "t" else {
                    continue
                }
                if row[3] == "t" { cancelled.insert(attempt) } else { lost.insert(attempt) }
            }
            return HeartbeatReply(lost: lost, cancelled: cancelled, shouldDrain: drain)
        }
    }

    /// Two statements of their own: the row of a model that is known is locked only when its folder has moved, and for a moment.
    static func record(_ model: ModelRecord, _ session: PostgresSession) throws {
        try session.query(
            """
            INSERT INTO model_weights (fingerprint, name, path, pipeline_class, parameter_count, byte_count)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (fingerprint) DO NOTHING
            """,
            [
                .text(model.fingerprint.rawValue), .text(model.name), .text(model.path), .text(model.pipelineClass),
                .integer(model.parameterCount), .integer(model.byteCount),
            ])
        try session.query(
            "UPDATE model_weights SET path = $2 WHERE fingerprint = $1 AND path <> $2",
            [.text(model.fingerprint.rawValue), .text(model.path)])
    }

    /// The valid card of this name and price; a changed price ends the old card and starts a new one.
    private static func rateCard(_ card: RateCard, _ session: PostgresSession) throws -> Int64 {
        try session.query("SELECT pg_advisory_xact_lock(hashtext('rate_cards'))")
        let known = try session.query(
            "SELECT id FROM rate_cards WHERE name = $1 AND microusd_per_hour = $2 AND valid_to IS NULL",
            [.text(card.name), .integer(card.perHour.rawValue)])
        if let row = known.rows.first {
            var reader = Reader(row)
            return try reader.number()
        }
        try session.query(
            "UPDATE rate_cards SET valid_to = now() WHERE name = $1 AND valid_to IS NULL", [.text(card.name)])
        var reader = Reader(
            try session.query(
                "INSERT INTO rate_cards (name, microusd_per_hour) VALUES ($1, $2) RETURNING id",
                [.text(card.name), .integer(card.perHour.rawValue)]
            ).rows[0])
        return try reader.number()
    }
}
