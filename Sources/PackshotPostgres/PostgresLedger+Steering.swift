internal import Foundation
package import PackshotJobs

extension PostgresLedger: SteeringLedger {
    package func cancel(_ selection: JobSelection) async throws -> Int {
        try await connection.run { session in
            let (condition, parameters) = Self.condition(selection)
            let row = try session.query(
                """
                WITH chosen AS (
                    SELECT s.job_id AS id, s.state, s.current_attempt_id
                    FROM job_states s JOIN job_specs j ON j.id = s.job_id JOIN products p ON p.id = j.product_id
                    WHERE \(condition) AND s.state IN ('available', 'scheduled', 'retryable', 'running')
                    ORDER BY s.job_id FOR UPDATE OF s
                ), told AS (
                    UPDATE attempts SET cancelled_at = now() FROM chosen c
                    WHERE attempts.id = c.current_attempt_id AND c.state = 'running'
                ), gone AS (
                    UPDATE job_states SET state = 'cancelled', finished_at = now(), lease_expires_at = NULL, scheduled_at = NULL
                    FROM chosen c WHERE job_states.job_id = c.id
                ), noted AS (
                    INSERT INTO job_events (job_id, event, from_state, to_state, attempt_id)
                    SELECT id, 'cancelled', state, 'cancelled', CASE WHEN state = 'running' THEN current_attempt_id END FROM chosen
                )
                SELECT count(*), count(*) FILTER (WHERE state = 'running') FROM chosen
                """, parameters
            ).rows[0]
            if row[1] != "0" { try Self.signal(session) }
            return row[0].flatMap { Int($0) } ?? 0
        }
    }

    package func retry(_ selection: JobSelection, limit: Int) async throws -> [DispatchEntry] {
        try await connection.run { session in
            let (condition, parameters) = Self.condition(selection)
            return try Self.entries(
                session.query(
                    """
                    WITH chosen AS (
                        SELECT s.job_id AS id, s.batch_id, s.state, j.priority
                        FROM job_states s JOIN job_specs j ON j.id = s.job_id JOIN products p ON p.id = j.product_id
                        WHERE \(condition) AND s.state IN ('discarded', 'cancelled', 'retryable')
                        ORDER BY s.job_id LIMIT $\(parameters.count + 1) FOR UPDATE OF s
                    ), back AS (
                        UPDATE job_states SET state = 'available', attempt = 0, finished_at = NULL, scheduled_at = NULL,
                            available_at = now(), error_code = NULL, error_message = NULL
                        FROM chosen c WHERE job_states.job_id = c.id
                    ), noted AS (
                        INSERT INTO job_events (job_id, event, from_state, to_state)
                        SELECT id, 'retried', state, 'available' FROM chosen
                    )
                    SELECT c.id, b.model_fingerprint, c.priority, NULL, b.share, b.weight
                    FROM chosen c JOIN batches b ON b.id = c.batch_id ORDER BY c.id
                    """, parameters + [.integer(limit)]))
        }
    }

    package func pause(_ batch: BatchID) async throws {
        try await connection.run { session in
            try session.query(
                "UPDATE batches SET paused_at = now(), pause_reason = 'asked' WHERE id = $1 AND paused_at IS NULL",
                [.integer(batch.rawValue)])
        }
    }

    package func resume(_ batch: BatchID) async throws {
        try await connection.run { session in
            try session.query(
                "UPDATE batches SET paused_at = NULL, pause_reason = NULL WHERE id = $1", [.integer(batch.rawValue)])
        }
    }

    @discardableResult
    package func changeLimits(
        _ model: ModelFingerprint, _ change: @escaping @Sendable (inout ModelLimits) -> Void
    ) async throws -> ModelLimits {
        try await connection.run { session in
            try session.transaction {
                try Self.lockRestrictions(session)
                var limits = try Self.limits(model, session)
                change(&limits)
                try Self.store(limits, of: model, session)
                return limits
            }
        }
    }

    /// A model's limits.
    static func limits(_ model: ModelFingerprint, _ session: PostgresSession) throws -> ModelLimits {
        let row = try session.query(
            "SELECT max_running, per_minute, paused_at IS NOT NULL FROM model_limits WHERE model_fingerprint = $1",
            [.text(model.rawValue)]
        ).rows.first
        return ModelLimits(
            maxRunning: row?[0].flatMap { Int($0) }, perMinute: row?[1].flatMap { Int($0) }, isPaused: row?[2] == "t")
    }

    private static func store(_ limits: ModelLimits, of model: ModelFingerprint, _ session: PostgresSession) throws {
        guard limits != ModelLimits() else {
            try session.query("DELETE FROM model_limits WHERE model_fingerprint = $1", [.text(model.rawValue)])
            return
        }
        try session.query(
            """
            INSERT INTO model_limits (model_fingerprint, max_running, per_minute, paused_at, tokens)
            VALUES ($1, $2, $3, CASE WHEN $4::boolean THEN now() END, 1)
            ON CONFLICT (model_fingerprint) DO UPDATE SET max_running = excluded.max_running,
                per_minute = excluded.per_minute,
                paused_at = CASE WHEN excluded.paused_at IS NULL THEN NULL ELSE coalesce(model_limits.paused_at, now()) END
            """,
            [
                .text(model.rawValue), limits.maxRunning.map { .integer($0) } ?? .null,
                limits.perMinute.map { .integer($0) } ?? .null, .boolean(limits.isPaused),
            ])
    }

    package func drain(_ workers: [WorkerID]) async throws -> [WorkerID] {
        try await connection.run { session in
            let rows = try session.query(
                """
                UPDATE workers SET drain_requested_at = coalesce(drain_requested_at, now())
                WHERE id = ANY ($1::text[]) AND stopped_at IS NULL RETURNING id
                """, [.texts(workers.map(\.rawValue))]
            ).rows
            try Self.signal(session)
            return rows.compactMap { $0[0].map(WorkerID.init(rawValue:)) }
        }
    }

    package func waitForSignal(_ timeout: Duration) async throws {
        try await connection.runAlone { session in try session.waitForNotification(on: Self.channel, timeout: timeout) }
    }

    /// The channel on which workers hear that they should ask how they stand.
    private static let channel = "packshot"

    private static func signal(_ session: PostgresSession) throws {
        try session.query("SELECT pg_notify($1, '')", [.text(channel)])
    }

    /// A selection as a condition on specifications j, states s and products p.
    static func condition(_ selection: JobSelection) -> (sql: String, parameters: [PostgresValue]) {
        var terms = ["true"]
        var parameters: [PostgresValue] = []
        func add(_ value: PostgresValue, _ term: (String) -> String) {
            parameters.append(value)
            terms.append(term("$\(parameters.count)"))
        }
        // By way of the products, which is where the index is.
        if let batch = selection.batch { add(.integer(batch.rawValue)) { "p.batch_id = \($0)" } }
        if let job = selection.job { add(.integer(job.rawValue)) { "j.id = \($0)" } }
        if let model = selection.model {
            add(.text(model.rawValue)) { "p.batch_id IN (SELECT id FROM batches WHERE model_fingerprint = \($0))" }
        }
        if !selection.states.isEmpty {
            add(.texts(selection.states.map(\.rawValue).sorted())) { "s.state::text = ANY (\($0)::text[])" }
        }
        if let sku = selection.sku { add(.text(pattern(sku))) { "p.sku LIKE \($0)" } }
        if let shot = selection.shot { add(.text(pattern(shot))) { "j.shot LIKE \($0)" } }
        if let reason = selection.reason { add(.text(pattern(reason))) { "coalesce(s.error_code, '') LIKE \($0)" } }
        return (terms.joined(separator: " AND "), parameters)
    }

    /// A pattern in which `*` stands for any text, as LIKE has it.
    private static func pattern(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "*": result += "%"
            case "%", "_", "\\": result += "\\\(scalar)"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
