package import PackshotJobs

extension PostgresLedger {
    package func settle(_ settlements: [Settlement]) async throws -> [SettlementVerdict] {
        guard !settlements.isEmpty else { return [] }
        return try await connection.run { session in
            let rows = try session.query(Self.settleSQL, try Self.parameters(settlements)).rows
            // What the ledger has never heard of is stale like what it knows better.
            var verdicts = [SettlementVerdict](repeating: .stale, count: settlements.count)
            for row in rows {
                var cells = Reader(row)
                let place = try cells.number(Int.self)
                guard try cells.text() == "t", verdicts.indices.contains(place - 1) else { continue }
                let name = try cells.text()
                guard let state = JobState(rawValue: name) else {
                    throw StoreError(.postgres, .unexpected, "PostgreSQL answered the unknown state \(name)")
                }
                verdicts[place - 1] = .accepted(state)
            }
            return verdicts
        }
    }

    package func whileGivenUp(
        _ job: JobID, _ body: @escaping @Sendable (ImageSource) throws -> Void
    ) async throws -> Bool {
        try await connection.run { session in
            try session.transaction {
                let rows = try session.query(
                    """
                    SELECT b.name, j.prompt, j.seed, b.model_fingerprint
                    FROM job_states s JOIN job_specs j ON j.id = s.job_id JOIN batches b ON b.id = s.batch_id
                    WHERE s.job_id = $1 AND s.state IN ('cancelled', 'discarded') FOR UPDATE OF s
                    """, [.integer(job.rawValue)]
                ).rows
                guard let row = rows.first else { return false }
                var cells = Reader(row)
                try body(
                    ImageSource(
                        batchName: try cells.text(), prompt: try cells.text(), seed: try cells.number(),
                        model: ModelFingerprint(rawValue: try cells.text())))
                return true
            }
        }
    }

    package func whileHeld(
        _ job: JobID, by attempt: AttemptID, _ body: @escaping @Sendable () throws -> Void
    ) async throws -> Bool {
        try await connection.run { session in
            try session.transaction {
                let rows = try session.query(
                    "SELECT FROM job_states WHERE job_id = $1 AND current_attempt_id = $2 AND state = 'running' FOR UPDATE",
                    [.integer(job.rawValue), .integer(attempt.rawValue)]
                ).rows
                guard !rows.isEmpty else { return false }
                try body()
                return true
            }
        }
    }

    /// One statement for a whole group: each settlement counts only while its attempt is the job's latest and the job runs.
    /// An attempt that ended before answers as it did then; one that was lost or cancelled gets its true time recorded.
    ///
    /// Attempts are locked with their jobs, so that who waited for another settlement of the same attempt reads what came of it.
    /// The worker is compared, too: a ledger that was promoted from a copy that lagged behind gives numbers of attempts again.
    private static let settleSQL = """
        WITH input AS (
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::boolean[], $15::bigint[],
                $16::text[], $17::bytea[], $18::bigint[], $19::integer[], $20::integer[], $21::text[], $22::integer[],
                $23::text[], $24::integer[], $25::text[], $26::boolean[], $27::text[], $28::text[]) WITH ORDINALITY
            AS i (job, attempt, outcome, from_us, to_us, embed, sample, decode, encode, write, sources, code, message,
                permanent, retry_us, path, sha256, bytes, width, height, prompt, tokens, version, used, cleaning,
                dropped, shortcuts, by, place)
        ), judged AS MATERIALIZED (
            SELECT i.*, s.batch_id, s.state AS before, a.worker_id AS worker, a.resulting_state, r.microusd_per_hour,
                   s.state = 'running' AND s.current_attempt_id = i.attempt AND a.state = 'running' AS counts,
                   CASE i.outcome
                       WHEN 'completed' THEN 'completed'::job_state
                       WHEN 'handed_back' THEN 'available'
                       WHEN 'cancelled' THEN 'cancelled'
                       ELSE CASE WHEN i.permanent OR s.attempt >= s.max_attempts THEN 'discarded'::job_state ELSE 'retryable' END
                   END AS after
            FROM input i JOIN job_states s ON s.job_id = i.job
            JOIN attempts a ON a.id = i.attempt AND a.job_id = i.job AND a.worker_id = i.by
            JOIN rate_cards r ON r.id = a.rate_card_id
            ORDER BY s.job_id FOR UPDATE OF s, a
        ), ended AS (
            UPDATE attempts SET state = g.outcome::attempt_state, finished_at = clock_timestamp(), busy_from_us = g.from_us,
                busy_to_us = g.to_us, cost_microusd = span_cost(g.from_us, g.to_us, g.microusd_per_hour), embed_us = g.embed,
                sample_us = g.sample, decode_us = g.decode, encode_us = g.encode, write_us = g.write,
                embedding_sources = g.sources::text[], error_code = g.code, error_message = g.message, resulting_state = g.after
            FROM judged g WHERE attempts.id = g.attempt AND g.counts
        ), wasted AS (
            UPDATE attempts SET stale_settlements = stale_settlements + 1, finished_at = coalesce(finished_at, clock_timestamp()),
                state = CASE WHEN attempts.state = 'running' THEN 'cancelled'::attempt_state ELSE attempts.state END,
                busy_from_us = g.from_us, busy_to_us = g.to_us, is_estimate = false,
                cost_microusd = span_cost(g.from_us, g.to_us, g.microusd_per_hour), embed_us = g.embed, sample_us = g.sample,
                decode_us = g.decode, encode_us = g.encode, write_us = g.write, embedding_sources = g.sources::text[]
            FROM judged g WHERE attempts.id = g.attempt AND NOT g.counts AND g.resulting_state IS NULL
              AND attempts.stale_settlements = 0
        ), moved AS (
            UPDATE job_states SET state = g.after, lease_expires_at = NULL, available_at = now(),
                attempt = job_states.attempt - CASE WHEN g.outcome = 'handed_back' THEN 1 ELSE 0 END,
                scheduled_at = CASE WHEN g.after = 'retryable' THEN now() + g.retry_us * interval '1 microsecond' END,
                finished_at = CASE WHEN g.after IN ('completed', 'cancelled', 'discarded') THEN now() END,
                error_code = CASE WHEN g.outcome = 'failed' THEN g.code END,
                error_message = CASE WHEN g.outcome = 'failed' THEN g.message END
            FROM judged g WHERE job_states.job_id = g.job AND g.counts
        ), stored AS (
            INSERT INTO images (job_id, attempt_id, batch_id, relative_path, sha256, byte_count, width, height, effective_prompt,
                prompt_tokens, version, prompt_tokens_used, text_cleaning, dropped_letters, shortcuts)
            SELECT job, attempt, batch_id, path, sha256, bytes, width, height, prompt, tokens, version, used, cleaning, dropped,
                   shortcuts::jsonb
            FROM judged WHERE counts AND outcome = 'completed'
        ), noted AS (
            INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id, worker_id, detail)
            SELECT job, outcome, before, after, attempt, worker, coalesce(code, message) FROM judged WHERE counts
        )
        SELECT place, counts OR resulting_state IS NOT NULL, coalesce(resulting_state, after) FROM judged
        """

    /// The settlements column by column, in the order of the statement's parameters.
    private static func parameters(_ settlements: [Settlement]) throws -> [PostgresValue] {
        var jobs = PostgresArray(of: .bigint)
        var attempts = PostgresArray(of: .bigint)
        var outcomes = PostgresArray(of: .text)
        var spans = (from: PostgresArray(of: .bigint), to: PostgresArray(of: .bigint))
        var stages = [PostgresArray](repeating: PostgresArray(of: .bigint), count: 5)
        var sources = PostgresArray(of: .text)
        var workers = PostgresArray(of: .text)
        var failures = Failures()
        var images = Images()
        for settlement in settlements {
            jobs.append(settlement.job.rawValue)
            attempts.append(settlement.attempt.rawValue)
            workers.append(settlement.worker.rawValue)
            spans.from.append(settlement.busyFrom)
            spans.to.append(settlement.busyTo)
            let times = settlement.stages
            for (stage, time) in [times.embed, times.sample, times.decode, times.encode, times.write].enumerated() {
                stages[stage].append(time)
            }
            sources.append("{" + settlement.embeddingSources.map(\.rawValue).joined(separator: ",") + "}")
            var image: ImageRecord?
            switch settlement.outcome {
            case .completed(let record):
                outcomes.append("completed")
                failures.append(code: nil, message: nil)
                image = record
            case .failed(let why, let after):
                outcomes.append("failed")
                failures.append(
                    code: why.code, message: why.message, isPermanent: why.isPermanent, retryAfter: after)
            case .handedBack(let why):
                outcomes.append("handed_back")
                failures.append(code: nil, message: why)
            case .overBudget:
                outcomes.append("handed_back")
                failures.append(code: Settlement.overBudgetCode, message: Settlement.overBudgetMessage)
            case .cancelled:
                outcomes.append("cancelled")
                failures.append(code: nil, message: nil)
            }
            try images.append(image)
        }
        return [jobs.value, attempts.value, outcomes.value, spans.from.value, spans.to.value] + stages.map(\.value)
            + [sources.value] + failures.values + images.values + [workers.value]
    }

    /// Why attempts failed, or what else there is to say of them.
    private struct Failures {
        private var codes = PostgresArray(of: .text)
        private var messages = PostgresArray(of: .text)
        private var permanents = PostgresArray(of: .boolean)
        private var retries = PostgresArray(of: .bigint)

        mutating func append(
            code: String?, message: String?, isPermanent: Bool = false, retryAfter: Duration = .zero
        ) {
            codes.append(code)
            messages.append(message)
            permanents.append(isPermanent)
            retries.append(retryAfter.wholeMicroseconds)
        }

        var values: [PostgresValue] { [codes.value, messages.value, permanents.value, retries.value] }
    }

    /// The images of attempts, NULLs for those that made none.
    private struct Images {
        private var paths = PostgresArray(of: .text)
        private var digests = PostgresArray(of: .bytes)
        private var sizes = PostgresArray(of: .bigint)
        private var widths = PostgresArray(of: .integer)
        private var heights = PostgresArray(of: .integer)
        private var prompts = PostgresArray(of: .text)
        private var tokens = PostgresArray(of: .integer)
        private var versions = PostgresArray(of: .text)
        private var tokensUsed = PostgresArray(of: .integer)
        private var cleanings = PostgresArray(of: .text)
        private var losses = PostgresArray(of: .boolean)
        private var shortcuts = PostgresArray(of: .text)

        mutating func append(_ image: ImageRecord?) throws {
            paths.append(image?.relativePath)
            digests.append(image?.sha256)
            sizes.append(image?.byteCount)
            widths.append(image.map { Int32(clamping: $0.width) })
            heights.append(image.map { Int32(clamping: $0.height) })
            prompts.append(image?.effectivePrompt)
            tokens.append(image.map { Int32(clamping: $0.promptTokens) })
            versions.append(image?.version)
            tokensUsed.append(image.map { Int32(clamping: $0.promptTokensUsed) })
            cleanings.append(image?.textCleaning?.rawValue)
            losses.append(image?.droppedLetters)
            shortcuts.append(try image?.shortcuts.map(PostgresValue.json))
        }

        var values: [PostgresValue] {
            [
                paths, digests, sizes, widths, heights, prompts, tokens, versions, tokensUsed, cleanings, losses,
                shortcuts,
            ].map(\.value)
        }
    }
}
