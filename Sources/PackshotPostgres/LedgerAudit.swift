package import PackshotJobs

/// What the ledger must never hold, asked of it in SQL.
package struct LedgerAudit: Sendable {
    private let connection: PostgresConnection

    /// Asks over the connection of the reports.
    package init(_ reports: LedgerReports) {
        connection = reports.connection
    }

    /// A rule, and the rows that break it: none in a sound ledger.
    private struct Rule {
        /// Number of the invariant it belongs to.
        let invariant: String
        let message: String
        /// Gives one text for each breach.
        let sql: String
    }

    /// A rule that was broken.
    package struct Breach: Codable, Hashable, Sendable {
        package let invariant: String
        package let rule: String
        /// Up to ten of the rows.
        package let examples: [String]
        package let count: Int

        package init(invariant: String, rule: String, examples: [String], count: Int) {
            self.invariant = invariant
            self.rule = rule
            self.examples = examples
            self.count = count
        }
    }

    private static let rules = [
        Rule(
            invariant: "I1", message: "a completed job has exactly one image, and an image a completed job and attempt",
            sql: """
                SELECT 'job ' || j.id FROM jobs j LEFT JOIN images i ON i.job_id = j.id LEFT JOIN attempts a ON a.id = i.attempt_id
                WHERE (j.state = 'completed') <> (i.id IS NOT NULL)
                   OR (i.id IS NOT NULL AND (a.state <> 'completed' OR a.job_id <> j.id OR a.id <> j.current_attempt_id))
                """),
        Rule(
            invariant: "I1", message: "a job has at most one completed attempt whose image is not known to be lost",
            sql: """
                SELECT 'job ' || job_id FROM attempts a WHERE state = 'completed'
                  AND NOT EXISTS (SELECT FROM lost_images l WHERE l.job_id = a.job_id AND l.attempt_id = a.id)
                GROUP BY job_id HAVING count(*) > 1
                """),
        Rule(
            invariant: "I3", message: "an attempt costs its time times its rate",
            sql: "SELECT 'attempt ' || attempts[1] FROM cost_faults WHERE kind = 'priced'"),
        Rule(
            invariant: "I3", message: "a worker's time is images, waste and idle, to the micro-dollar",
            sql: "SELECT 'worker ' || worker_id FROM cost_reconciliation WHERE difference_microusd <> 0"),
        Rule(
            invariant: "I3",
            message: "a budget is held against what the batch's attempts cost and what is set aside for those that run",
            sql: """
                SELECT 'batch ' || v.batch_id FROM batch_budgets v JOIN batches b ON b.id = v.batch_id
                LEFT JOIN (SELECT batch_id, sum(cost_microusd) AS spent, sum(reserved_microusd) FILTER (WHERE state = 'running') AS reserved
                           FROM attempts GROUP BY batch_id) a ON a.batch_id = v.batch_id
                WHERE b.forgotten_at IS NULL
                  AND (v.spent_microusd <> coalesce(a.spent, 0) OR v.reserved_microusd <> coalesce(a.reserved, 0))
                """),
        Rule(
            invariant: "I5",
            message:
                "an attempt runs only while it is its job's latest and the job runs, or the job was just cancelled",
            sql: """
                SELECT 'attempt ' || a.id FROM attempts a JOIN job_states s ON s.job_id = a.job_id
                WHERE a.state = 'running' AND NOT (s.current_attempt_id = a.id AND s.state = 'running')
                  AND coalesce(a.cancelled_at < now() - interval '3 minutes', true)
                """),
        Rule(
            invariant: "I5", message: "attempts that count are at most as many as allowed",
            sql: "SELECT 'job ' || job_id FROM job_states WHERE attempt > max_attempts"),
        Rule(
            invariant: "I5", message: "every job has a specification and a state, and both are of one batch",
            sql: """
                SELECT 'job ' || coalesce(j.id, s.job_id) FROM job_specs j FULL JOIN job_states s ON s.job_id = j.id
                WHERE j.id IS NULL OR s.job_id IS NULL OR j.batch_id <> s.batch_id
                """),
        Rule(
            invariant: "I5", message: "what a row refers to is there",
            sql: """
                SELECT 'job ' || j.id FROM job_specs j LEFT JOIN batches b ON b.id = j.batch_id
                LEFT JOIN products p ON p.id = j.product_id AND p.batch_id = j.batch_id
                WHERE p.id IS NULL OR b.id IS NULL
                UNION ALL
                SELECT 'attempt ' || a.id FROM attempts a LEFT JOIN job_specs j ON j.id = a.job_id AND j.batch_id = a.batch_id
                LEFT JOIN workers w ON w.id = a.worker_id AND w.rate_card_id = a.rate_card_id
                WHERE j.id IS NULL OR w.id IS NULL
                UNION ALL
                SELECT 'image ' || i.id FROM images i LEFT JOIN job_specs j ON j.id = i.job_id AND j.batch_id = i.batch_id
                WHERE j.id IS NULL
                """),
        Rule(
            invariant: "I5", message: "a job is worked on with the model it is to be made with",
            sql: """
                SELECT 'attempt ' || a.id FROM attempts a JOIN batches b ON b.id = a.batch_id JOIN workers w ON w.id = a.worker_id
                WHERE w.model_fingerprint <> b.model_fingerprint
                """),
        Rule(
            invariant: "I5", message: "a batch's tallies are what its rows add up to",
            sql: """
                SELECT 'batch ' || batch_id FROM (
                    SELECT batch_id, completed AS done, available + scheduled + running + retryable + cancelled + discarded AS other,
                           images, image_microusd + waste_microusd AS cost FROM batch_tallies
                    UNION ALL
                    SELECT batch_id, -count(*) FILTER (WHERE state = 'completed'), -count(*) FILTER (WHERE state <> 'completed'), 0, 0
                    FROM job_states GROUP BY batch_id
                    UNION ALL
                    SELECT batch_id, 0, 0, -count(*) FILTER (WHERE state = 'completed'), -sum(cost_microusd)
                    FROM attempts GROUP BY batch_id) t
                WHERE batch_id NOT IN (SELECT id FROM batches WHERE forgotten_at IS NOT NULL)
                GROUP BY batch_id HAVING sum(done) <> 0 OR sum(other) <> 0 OR sum(images) <> 0 OR sum(cost) <> 0
                """),
        Rule(
            invariant: "I5", message: "a job's history has no gaps: each change starts where the last one ended",
            sql: """
                SELECT 'job ' || job_id FROM (
                    SELECT job_id, from_state, lag(to_state) OVER (PARTITION BY job_id ORDER BY id) AS before FROM job_events) e
                WHERE before IS NOT NULL AND from_state <> before
                """),
        Rule(
            invariant: "I5", message: "a job is in the state its history ends with",
            sql: """
                SELECT 'job ' || j.job_id FROM job_states j
                JOIN (SELECT DISTINCT ON (job_id) job_id, to_state FROM job_events ORDER BY job_id, id DESC) e ON e.job_id = j.job_id
                WHERE e.to_state <> j.state
                """),
        Rule(
            invariant: "I5", message: "fences only grow: the latest attempt has the highest id",
            sql: """
                SELECT 'job ' || j.job_id FROM job_states j WHERE j.current_attempt_id IS NOT NULL
                  AND j.current_attempt_id < (SELECT max(a.id) FROM attempts a WHERE a.job_id = j.job_id)
                """),
        Rule(
            invariant: "I8", message: "a worker is not busy for longer than it lived",
            sql: "SELECT 'worker ' || worker_id FROM cost_faults WHERE kind IN ('outlived', 'overdrawn')"),
        Rule(
            invariant: "I8", message: "no stretch of a worker's time is charged twice",
            sql: "SELECT 'attempt ' || attempt_id FROM charged_twice"),
    ]

    /// Every rule that is broken.
    package func breaches() async throws -> [Breach] {
        try await connection.run { session in
            try Self.rules.compactMap { rule in
                let rows = try session.query(
                    "SELECT breach, count(*) OVER () FROM (\(rule.sql)) AS found (breach) LIMIT 10"
                ).rows
                guard !rows.isEmpty else { return nil }
                return Breach(
                    invariant: rule.invariant, rule: rule.message, examples: rows.compactMap { $0[0] },
                    count: rows[0][1].flatMap { Int($0) } ?? rows.count)
            }
        }
    }

    /// An image's row and its job, as the file must have them.
    package struct Image: Sendable {
        package let job: Int64
        /// Absolute.
        package let root: String
        /// Absolute; where a worker with a folder of its own wrote it.
        package let workerRoot: String?
        package let path: String
        /// 64 hexadecimal digits.
        package let sha256: String
        package let prompt: String
        package let effectivePrompt: String
        package let seed: UInt64
        package let modelFingerprint: String
    }

    /// A page of images in the order of their jobs.
    package func images(after job: Int64, limit: Int) async throws -> [Image] {
        try await connection.run { session in
            try session.query(
                """
                SELECT j.id, b.output_root, i.relative_path, encode(i.sha256, 'hex'), j.prompt, i.effective_prompt, j.seed,
                       b.model_fingerprint, w.output_root
                FROM images i JOIN job_specs j ON j.id = i.job_id JOIN batches b ON b.id = i.batch_id
                LEFT JOIN attempts a ON a.id = i.attempt_id LEFT JOIN workers w ON w.id = a.worker_id
                WHERE i.job_id > $1 ORDER BY i.job_id LIMIT $2
                """, [.integer(job), .integer(limit)]
            ).rows.map { row in
                Image(
                    job: row[0].flatMap { Int64($0) } ?? 0, root: row[1] ?? "", workerRoot: row[8],
                    path: row[2] ?? "",
                    sha256: row[3] ?? "",
                    prompt: row[4] ?? "", effectivePrompt: row[5] ?? "", seed: row[6].flatMap { UInt64($0) } ?? 0,
                    modelFingerprint: row[7] ?? "")
            }
        }
    }

    /// The folders of all batches whose rows are there, absolute. What forgotten ones left nobody can tell.
    package func batchFolders() async throws -> [String] {
        try await connection.run { session in
            try session.query(
                "SELECT DISTINCT output_root || '/' || name FROM batches WHERE forgotten_at IS NULL ORDER BY 1"
            ).rows.compactMap {
                $0[0]
            }
        }
    }

    /// Jobs by state, over all batches, and settlements that were refused because another attempt had taken over.
    package func totals() async throws -> (jobs: [JobState: Int], refusals: Int) {
        try await connection.run { session in
            var jobs: [JobState: Int] = [:]
            for row in try session.query("SELECT state, count(*) FROM job_states GROUP BY state").rows {
                if let state = row[0].flatMap({ JobState(rawValue: $0) }) {
                    jobs[state] = row[1].flatMap { Int($0) } ?? 0
                }
            }
            let refusals = try session.query("SELECT coalesce(sum(stale_settlements), 0) FROM attempts").rows[0][0]
            return (jobs, refusals.flatMap { Int($0) } ?? 0)
        }
    }
}
