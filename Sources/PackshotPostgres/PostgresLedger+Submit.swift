internal import Foundation
package import PackshotJobs

extension PostgresLedger: BatchLedger {
    package func submit(_ batch: NewBatch, chunks: () throws -> [PlannedJob]?) async throws -> Submission {
        try await withoutActuallyEscaping(chunks) { chunks in
            // The closure is called on the connection's thread, and only while this call waits for it.
            nonisolated(unsafe) let chunks = chunks
            return try await connection.run { session in
                // On its own: workers of the model write this row when they start, and must not wait for ten million jobs.
                try Self.record(batch.model, session)
                return try session.transaction { try Self.submit(batch, chunks: chunks, session) }
            }
        }
    }

    private static func submit(
        _ new: NewBatch, chunks: () throws -> [PlannedJob]?, _ session: PostgresSession
    ) throws -> Submission {
        // Submissions to one batch come one after the other. Nobody else waits for them: claims and settlements of a batch that is
        // there already go on, for its row is changed at the end only.
        try session.query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))",
            [.text(new.outputRoot), .text(new.name)])
        let known = try KnownBatch.find(new, session)
        try known?.refuseWhatCannotChange(new)
        let id = try known?.id ?? insert(new, session)
        var now = Reader(try session.query("SELECT extract(epoch FROM now())").rows[0])
        var writer = SubmissionWriter(
            session: session, batch: id, new: new, maxAttempts: known?.maxAttempts ?? new.maxAttempts,
            isKnown: known != nil, now: Date(timeIntervalSince1970: try now.number()))
        try ReadAhead.run(depth: 2) {
            try chunks().map { SubmissionChunk($0, of: new) }
        } consumer: { next in
            while let chunk = try next() { try writer.write(chunk) }
        }
        let jobs = try writer.finish()
        try session.query(
            """
            UPDATE batches SET last_job_id = greatest(last_job_id, $2), source_path = $3, source_sha256 = $4,
                weight = coalesce($5, weight)
            WHERE id = $1
            """,
            [
                .integer(id.rawValue), .integer(writer.lastJob), .text(new.sourcePath), .bytes(new.sourceSHA256),
                new.weight.map { .integer($0) } ?? .null,
            ])
        if known != nil, let budget = new.budget { try setBudget(id, budget, session) }
        return Submission(batch: id, submitted: writer.submitted, created: writer.created, known: jobs)
    }

    private static func insert(_ batch: NewBatch, _ session: PostgresSession) throws -> BatchID {
        var row = Reader(
            try session.query(
                """
                INSERT INTO batches (name, output_root, source_path, source_sha256, model_fingerprint, max_attempts,
                    budget_microusd, tenant, weight)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
                """,
                [
                    .text(batch.name), .text(batch.outputRoot), .text(batch.sourcePath), .bytes(batch.sourceSHA256),
                    .text(batch.model.fingerprint.rawValue), .integer(batch.maxAttempts ?? NewBatch.usualAttempts),
                    batch.budget.map { .integer($0.rawValue) } ?? .null, .text(batch.tenant),
                    .integer(batch.weight ?? 1),
                ]
            ).rows[0])
        return BatchID(rawValue: try row.number())
    }

    /// A batch that was there before.
    private struct KnownBatch {
        let id: BatchID
        let maxAttempts: Int
        private let tenant: String?
        private let isForgotten: Bool
        private let model: (name: String, fingerprint: ModelFingerprint)

        /// Whoever wants to delete its jobs waits for the submission from here on.
        static func find(_ new: NewBatch, _ session: PostgresSession) throws -> KnownBatch? {
            try session.query(
                """
                SELECT b.id, b.max_attempts, b.tenant, b.forgotten_at IS NOT NULL, m.name, m.fingerprint
                FROM batches b JOIN model_weights m ON m.fingerprint = b.model_fingerprint
                WHERE b.output_root = $1 AND b.name = $2 FOR KEY SHARE OF b
                """, [.text(new.outputRoot), .text(new.name)]
            ).rows.first.map { row in
                var cells = Reader(row)
                return KnownBatch(
                    id: BatchID(rawValue: try cells.number()), maxAttempts: try cells.number(),
                    tenant: cells.optional(), isForgotten: try cells.text() == "t",
                    model: (try cells.text(), ModelFingerprint(rawValue: try cells.text())))
            }
        }

        func refuseWhatCannotChange(_ new: NewBatch) throws(StoreError) {
            guard !isForgotten else {
                throw StoreError(
                    .postgres, .conflict,
                    "batch \(new.name) is finished and the rows of its jobs are deleted; submit under another --name")
            }
            guard model.fingerprint == new.model.fingerprint else {
                throw SubmissionConflicts.model(of: new, is: model)
            }
            if let attempts = new.maxAttempts, attempts != maxAttempts {
                throw SubmissionConflicts.attempts(of: new, are: maxAttempts)
            }
            if let asked = new.tenant, asked != tenant { throw SubmissionConflicts.tenant(of: new, is: tenant) }
        }
    }

    package func undispatched(_ batch: BatchID, limit: Int) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try session.query(
                """
                SELECT min(j.id), b.model_fingerprint, min(j.priority), extract(epoch FROM min(j.later)), b.share, b.weight, count(*)
                FROM (SELECT id, priority, later, count(*) FILTER (WHERE is_first) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS run
                      FROM (SELECT id, priority, later,
                                   lag(id, 1, 0::bigint) OVER w <> id - 1 OR lag(priority) OVER w <> priority
                                       OR lag(later) OVER w IS DISTINCT FROM later AS is_first
                            FROM (SELECT id, priority, CASE WHEN start_at > now() THEN start_at END AS later FROM job_specs
                                  WHERE id > (SELECT dispatched_through FROM batches WHERE id = $1)
                                    AND id <= (SELECT last_job_id FROM batches WHERE id = $1)
                                    AND batch_id = $1
                                  ORDER BY id LIMIT $2) owed
                            WINDOW w AS (ORDER BY id)) marked) j
                JOIN batches b ON b.id = $1 GROUP BY b.id, j.run ORDER BY j.run
                """, [.integer(batch.rawValue), .integer(limit)]
            ).rows.map { row in
                let entry = try Self.entry(row)
                return DispatchEntry(
                    job: entry.job, count: row[6].flatMap { Int($0) } ?? 1, lane: entry.lane, share: entry.share,
                    notBefore: entry.notBefore)
            }
        }
    }

    package func markDispatched(_ batch: BatchID, through: JobID) async throws {
        try await connection.run { session in
            try session.query(
                "UPDATE batches SET dispatched_through = greatest(dispatched_through, $2) WHERE id = $1",
                [.integer(batch.rawValue), .integer(through.rawValue)])
        }
    }

    package func batchesToDispatch() async throws -> [BatchID] {
        try await connection.run { session in
            try session.query("SELECT id FROM batches WHERE dispatched_through < last_job_id ORDER BY id").rows.map {
                row in
                var cells = Reader(row)
                return BatchID(rawValue: try cells.number())
            }
        }
    }
}
