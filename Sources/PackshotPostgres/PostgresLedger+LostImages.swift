package import PackshotJobs

/// A finished image, and where its file should be.
package struct ImagePlace: Sendable {
    package let job: JobID
    /// Absolute folders it may be below: where its worker wrote it, then its batch's.
    package let roots: [String]
    package let relativePath: String
}

extension PostgresLedger {
    /// Places of selected images, by pages in the order of their jobs.
    package func places(of selection: JobSelection, after job: JobID?, limit: Int) async throws -> [ImagePlace] {
        try await connection.run { session in
            let (condition, parameters) = Self.condition(selection)
            return try session.query(
                """
                SELECT s.job_id, b.output_root, i.relative_path, w.output_root
                FROM job_states s JOIN job_specs j ON j.id = s.job_id JOIN products p ON p.id = j.product_id
                JOIN images i ON i.job_id = s.job_id JOIN batches b ON b.id = i.batch_id
                JOIN attempts a ON a.id = i.attempt_id JOIN workers w ON w.id = a.worker_id
                WHERE \(condition) AND s.state = 'completed' AND s.job_id > $\(parameters.count + 1)
                ORDER BY s.job_id LIMIT $\(parameters.count + 2)
                """, parameters + [.integer(job?.rawValue ?? 0), .integer(limit)]
            ).rows.map { row in
                var cells = Reader(row)
                let (id, root, path) = (JobID(rawValue: try cells.number()), try cells.text(), try cells.text())
                return ImagePlace(job: id, roots: [cells.optional(), root].compactMap(\.self), relativePath: path)
            }
        }
    }

    /// Makes completed jobs available again whose files are gone, as the caller has seen. What they cost stays; the image's row
    /// moves to `lost_images`, and its attempt stays on record as it was.
    /// - Returns: Entries to dispatch.
    package func remake(_ jobs: [JobID]) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try Self.entries(
                session.query(
                    """
                    WITH chosen AS (
                        SELECT s.job_id, s.batch_id, j.priority FROM job_states s JOIN job_specs j ON j.id = s.job_id
                        WHERE s.job_id = ANY ($1::bigint[]) AND s.state = 'completed' ORDER BY s.job_id FOR UPDATE OF s
                    ), gone AS (
                        DELETE FROM images USING chosen c WHERE images.job_id = c.job_id RETURNING images.*
                    ), kept AS (
                        INSERT INTO lost_images (id, job_id, attempt_id, batch_id, relative_path, sha256, made_at)
                        SELECT id, job_id, attempt_id, batch_id, relative_path, sha256, created_at FROM gone
                    ), back AS (
                        UPDATE job_states SET state = 'available', attempt = 0, finished_at = NULL, available_at = now()
                        FROM chosen c WHERE job_states.job_id = c.job_id
                    ), noted AS (
                        INSERT INTO job_events (job_id, event, from_state, to_state)
                        SELECT job_id, 'file_lost', 'completed', 'available' FROM chosen
                    )
                    SELECT c.job_id, b.model_fingerprint, c.priority, NULL, b.share, b.weight
                    FROM chosen c JOIN batches b ON b.id = c.batch_id ORDER BY c.job_id
                    """, [.bigints(jobs.map(\.rawValue))]))
        }
    }
}
