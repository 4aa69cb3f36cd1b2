package import PackshotJobs

extension LedgerReports {
    /// Where a job is, and how it stands.
    package struct JobStanding: Codable, Hashable, Sendable {
        package let job: Int64
        package let state: JobState
        package let batch: Int64
        package let batchName: String
        /// Where its image lies once it is made, absolute.
        package let path: String

        package init(job: Int64, state: JobState, batch: Int64, batchName: String, path: String) {
            self.job = job
            self.state = state
            self.batch = batch
            self.batchName = batchName
            self.path = path
        }
    }

    /// How jobs with given keys (64 hexadecimal digits each) stand; a key that is not there is not in the ledger. Meant for
    /// some thousand keys at a time.
    package func standings(ofKeys keys: [String]) async throws -> [String: JobStanding] {
        try await connection.run { session in
            let rows = try session.query(
                """
                SELECT k.key, j.id, s.state, j.batch_id, b.name, b.output_root || '/' || j.relative_path
                FROM unnest($1::text[]) AS k (key)
                CROSS JOIN LATERAL (
                    SELECT id, batch_id, relative_path FROM job_specs WHERE unique_key = decode(k.key, 'hex') LIMIT 1) j
                CROSS JOIN LATERAL (SELECT state FROM job_states WHERE job_id = j.id LIMIT 1) s
                JOIN batches b ON b.id = j.batch_id
                """, [.texts(keys)]
            ).rows
            var standings: [String: JobStanding] = [:]
            for row in rows {
                var cells = PostgresLedger.Reader(row)
                let key = try cells.text()
                let job = try cells.number(Int64.self)
                let name = try cells.text()
                guard let state = JobState(rawValue: name) else {
                    throw StoreError(.postgres, .unexpected, "PostgreSQL answered the unknown state \(name)")
                }
                standings[key] = JobStanding(
                    job: job, state: state, batch: try cells.number(), batchName: try cells.text(),
                    path: try cells.text())
            }
            return standings
        }
    }
}
