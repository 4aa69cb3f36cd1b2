extension LedgerReports {
    /// A worker as `packshot workers` lists it.
    package struct WorkerReport: Codable, Sendable {
        package let id: String
        package let host: String
        package let processID: Int
        package let threads: Int
        package let kernelClass: String
        package let model: String
        package let rateCard: String
        package let microdollarsPerHour: Int64
        package let startedAt: String
        package let secondsSinceHeartbeat: Double
        /// What it works on, the attempt begun first; nil while it holds nothing.
        package let job: Int64?
        /// Denoising steps of that done, as the last heartbeat said, and in all.
        package let step: Int?
        package let steps: Int?
        package let images: Int
        /// Share of its time line charged to attempts, `0...1`.
        package let busyShare: Double
        package let isStopped: Bool
        package let isDraining: Bool
    }

    /// Workers that have not stopped and were heard of within a minute; or all.
    package func workers(all: Bool) async throws -> [WorkerReport] {
        try await connection.run { session in
            try session.query(
                """
                SELECT w.id, w.host, w.threads, w.kernel_class, m.name,
                       to_char(w.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       extract(epoch FROM now() - w.heartbeat_at), u.images + w.forgotten_images,
                       (u.busy_us + w.forgotten_busy_us) / greatest(w.uptime_us, u.last_us, 1)::float8,
                       w.stopped_at IS NOT NULL, w.drain_requested_at IS NOT NULL, w.process_id, r.name, r.microusd_per_hour,
                       a.job_id, a.step, a.steps
                FROM workers w JOIN model_weights m ON m.fingerprint = w.model_fingerprint
                JOIN rate_cards r ON r.id = w.rate_card_id
                -- Worker by worker, along an index: a view over all workers reads all attempts that ever were.
                CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE state = 'completed') AS images, max(busy_to_us) AS last_us,
                           coalesce(sum(busy_to_us - busy_from_us), 0) AS busy_us
                    FROM attempts WHERE worker_id = w.id) u
                LEFT JOIN LATERAL (
                    -- What a worker has in hand is among its latest.
                    SELECT job_id, step, steps
                    FROM (SELECT * FROM attempts WHERE worker_id = w.id ORDER BY id DESC LIMIT 1000) latest
                    WHERE state = 'running' AND w.stopped_at IS NULL ORDER BY id LIMIT 1) a ON true
                WHERE $1::boolean OR (w.stopped_at IS NULL AND w.heartbeat_at > now() - interval '60 seconds')
                ORDER BY w.started_at, w.id
                """, [.boolean(all)]
            ).rows.map { row in
                WorkerReport(
                    id: row[0] ?? "", host: row[1] ?? "", processID: row[11].flatMap { Int($0) } ?? 0,
                    threads: row[2].flatMap { Int($0) } ?? 0, kernelClass: row[3] ?? "",
                    model: row[4] ?? "", rateCard: row[12] ?? "",
                    microdollarsPerHour: row[13].flatMap { Int64($0) } ?? 0, startedAt: row[5] ?? "",
                    secondsSinceHeartbeat: row[6].flatMap { Double($0) } ?? 0,
                    job: row[14].flatMap { Int64($0) }, step: row[15].flatMap { Int($0) },
                    steps: row[16].flatMap { Int($0) },
                    images: row[7].flatMap { Int($0) } ?? 0, busyShare: row[8].flatMap { Double($0) } ?? 0,
                    isStopped: row[9] == "t", isDraining: row[10] == "t")
            }
        }
    }
}
