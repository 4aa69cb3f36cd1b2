internal import PackshotJobs

/// Claims of jobs that a budget or a model's limits may hold back. One worker decides at a time.
extension PostgresLedger {
    /// The advisory lock of those who decide: the bytes of "restrict".
    private static let lock = Int64(0x7265_7374_7269_6374)

    /// Waits until nobody else judges claims or changes what they are judged by; until the transaction's end.
    static func lockRestrictions(_ session: PostgresSession) throws {
        try session.query("SELECT pg_advisory_xact_lock($1)", [.integer(lock)])
    }

    /// A job that could be claimed if what restricts it allows.
    private struct Candidate {
        let job: Int64
        let batch: Int64
        let model: String
        let workload: Workload
    }

    private struct ModelStanding {
        let maxRunning: Int?
        let hasRate: Bool
        var tokens: Double
        var running: Int
    }

    /// - Parameter ids: The jobs, as an array.
    /// - Returns: Rows as ``claimSQL(named:where:)`` gives them.
    static func claimRestricted(
        _ ids: PostgresValue, by worker: WorkerID, lease: Duration, _ session: PostgresSession
    ) throws -> [[String?]] {
        let restricted = try session.query(
            """
            SELECT EXISTS (
                SELECT FROM unnest($1::bigint[]) AS i (id) JOIN job_states s ON s.job_id = i.id JOIN batches b ON b.id = s.batch_id
                WHERE s.state IN ('available', 'scheduled', 'retryable') AND b.paused_at IS NULL
                  AND (b.budget_microusd IS NOT NULL
                       OR EXISTS (SELECT FROM model_limits l WHERE l.model_fingerprint = b.model_fingerprint)))
            """, [ids])
        guard restricted.rows.first?.first == "t" else { return [] }
        return try session.transaction {
            try lockRestrictions(session)
            return try claimUnderLock(ids, by: worker, lease: lease, session)
        }
    }

    private static func claimUnderLock(
        _ ids: PostgresValue, by worker: WorkerID, lease: Duration, _ session: PostgresSession
    ) throws -> [[String?]] {
        let candidates = try session.query(
            """
            WITH locked AS MATERIALIZED (
                SELECT s.* FROM unnest($1::bigint[]) AS i (id) JOIN job_states s ON s.job_id = i.id
                ORDER BY s.job_id FOR UPDATE OF s SKIP LOCKED
            )
            SELECT s.job_id, s.batch_id, b.model_fingerprint, \(workloadColumns)
            FROM locked s JOIN batches b ON b.id = s.batch_id JOIN job_specs j ON j.id = s.job_id
            LEFT JOIN model_limits l ON l.model_fingerprint = b.model_fingerprint
            WHERE b.paused_at IS NULL AND l.paused_at IS NULL AND s.attempt < s.max_attempts
              AND (b.budget_microusd IS NOT NULL OR l.model_fingerprint IS NOT NULL)
              AND (s.state = 'available' OR (s.state IN ('scheduled', 'retryable') AND s.scheduled_at <= clock_timestamp()))
            ORDER BY s.job_id
            """, [ids]
        ).rows.map { row in
            var cells = Reader(row)
            return Candidate(
                job: try cells.number(), batch: try cells.number(), model: try cells.text(),
                workload: try workload(&cells))
        }
        var batches = try budgetStandings(Set(candidates.map(\.batch)), session)
        var models = try modelStandings(Set(candidates.map(\.model)), session)
        let card = try rateCard(of: worker, session)
        var claimed: [Int64] = []
        var reserved: [Int64?] = []
        var postponed: [Int64] = []
        for candidate in candidates {
            if let model = models[candidate.model],
                model.running >= model.maxRunning ?? .max || (model.hasRate && model.tokens < 1)
            {
                postponed.append(candidate.job)
                continue
            }
            var amount: MicroDollars?
            if var batch = batches[candidate.batch] {
                switch batch.claim(candidate.workload, at: card, lease: lease.wholeMicroseconds) {
                case .reserve(let wanted):
                    amount = wanted
                    batch.reserve(wanted)
                    batches[candidate.batch] = batch
                case .wait:
                    postponed.append(candidate.job)
                    continue
                case .exhausted(let needed):
                    batches[candidate.batch]?.needed = needed
                    continue
                }
            }
            models[candidate.model]?.running += 1
            models[candidate.model]?.tokens -= 1
            claimed.append(candidate.job)
            reserved.append(amount?.rawValue)
        }
        try record(postponed, batches, models, session)
        guard !claimed.isEmpty else { return [] }
        return try session.query(
            claimSQL(
                named: "SELECT id, reserved FROM unnest($1::bigint[], $4::bigint[]) AS i (id, reserved)", where: "true"),
            [
                .bigints(claimed), .text(worker.rawValue), .microseconds(lease),
                .bigints(reserved),
            ]
        ).rows
    }

    private static func modelStandings(
        _ models: Set<String>, _ session: PostgresSession
    ) throws -> [String: ModelStanding] {
        var result: [String: ModelStanding] = [:]
        for model in models {
            // Tokens come in evenly and are kept for at most a second, so that no minute holds many more than it may.
            let row = try session.query(
                """
                SELECT max_running, per_minute,
                       least(greatest(1, per_minute / 60.0),
                             tokens + extract(epoch FROM clock_timestamp() - refilled_at) * per_minute / 60.0),
                       (SELECT count(*) FROM job_states s JOIN batches b ON b.id = s.batch_id
                        WHERE s.state = 'running' AND b.model_fingerprint = $1)
                FROM model_limits WHERE model_fingerprint = $1
                """, [.text(model)]
            ).rows.first
            guard let row else { continue }
            result[model] = ModelStanding(
                maxRunning: row[0].flatMap { Int($0) }, hasRate: row[1] != nil,
                tokens: row[2].flatMap { Double($0) } ?? 0, running: row[3].flatMap { Int($0) } ?? 0)
        }
        return result
    }

    private static func record(
        _ postponed: [Int64], _ batches: [Int64: BudgetStanding], _ models: [String: ModelStanding],
        _ session: PostgresSession
    ) throws {
        if !postponed.isEmpty {
            // Spread over a second, so that they do not all come back at once.
            try session.query(
                """
                WITH later AS (
                    SELECT s.job_id, s.state FROM unnest($1::bigint[]) AS i (id) JOIN job_states s ON s.job_id = i.id
                ), moved AS (
                    UPDATE job_states SET scheduled_at = clock_timestamp() + (1 + random()) * interval '1 second',
                        state = CASE WHEN job_states.state = 'available' THEN 'scheduled' ELSE job_states.state END
                    FROM later WHERE job_states.job_id = later.job_id
                )
                INSERT INTO job_events (job_id, event, from_state, to_state)
                SELECT job_id, 'postponed', state, 'scheduled' FROM later WHERE state = 'available'
                """, [.bigints(postponed)])
        }
        for (id, batch) in batches.sorted(by: { $0.key < $1.key }) {
            guard let needed = batch.needed else { continue }
            try session.query(
                """
                UPDATE batches SET paused_at = now(), pause_reason = 'budget', budget_needed_microusd = $2
                WHERE id = $1 AND paused_at IS NULL
                """, [.integer(id), .integer(needed.rawValue)])
        }
        for (model, standing) in models where standing.hasRate {
            try session.query(
                """
                UPDATE model_limits SET tokens = greatest(0, $2::double precision), refilled_at = clock_timestamp()
                WHERE model_fingerprint = $1
                """, [.text(model), .text(String(standing.tokens))])
        }
    }
}
