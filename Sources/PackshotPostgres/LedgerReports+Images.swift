package import PackshotJobs

extension LedgerReports {
    /// An image's row, as `packshot verify` and `contact-sheet` read it.
    package struct ImageReport: Codable, Sendable {
        package let job: Int64
        package let batch: String
        package let sku: String
        package let title: String
        package let shot: String
        package let relativePath: String
        package let outputRoot: String
        /// Where a worker with a folder of its own wrote it; nil for its batch's.
        package let workerRoot: String?
        package let sha256: String
        package let modelPath: String
        package let modelFingerprint: String
        package let worker: String
        package let madeAt: String
        package let costMicrodollars: Int64
    }

    /// The image whose file has this SHA-256 (64 hexadecimal digits), or nil.
    package func image(sha256: String) async throws -> ImageReport? {
        try await images(where: "i.sha256 = decode($1, 'hex')", [.text(sha256)], limit: 1).first
    }

    /// The images of a batch in the order of their jobs.
    package func images(of batch: BatchID, limit: Int) async throws -> [ImageReport] {
        try await images(where: "i.batch_id = $1", [.integer(batch.rawValue)], limit: limit)
    }

    private func images(
        where condition: String, _ parameters: [PostgresValue], limit: Int
    ) async throws -> [ImageReport] {
        try await connection.run { session in
            try session.query(
                """
                SELECT j.id, b.name, p.sku, p.title, j.shot, i.relative_path, b.output_root, encode(i.sha256, 'hex'), m.path,
                       m.fingerprint, a.worker_id, to_char(i.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       a.cost_microusd, w.output_root
                FROM images i JOIN job_specs j ON j.id = i.job_id JOIN batches b ON b.id = j.batch_id
                JOIN products p ON p.id = j.product_id JOIN attempts a ON a.id = i.attempt_id
                JOIN workers w ON w.id = a.worker_id
                JOIN model_weights m ON m.fingerprint = b.model_fingerprint
                WHERE \(condition) ORDER BY i.job_id LIMIT $2
                """, parameters + [.integer(limit)]
            ).rows.map { row in
                ImageReport(
                    job: row[0].flatMap { Int64($0) } ?? 0, batch: row[1] ?? "", sku: row[2] ?? "", title: row[3] ?? "",
                    shot: row[4] ?? "", relativePath: row[5] ?? "", outputRoot: row[6] ?? "", workerRoot: row[13],
                    sha256: row[7] ?? "",
                    modelPath: row[8] ?? "", modelFingerprint: row[9] ?? "", worker: row[10] ?? "",
                    madeAt: row[11] ?? "",
                    costMicrodollars: row[12].flatMap { Int64($0) } ?? 0)
            }
        }
    }
}
