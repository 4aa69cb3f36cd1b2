internal import Foundation
package import PackshotJobs

extension PostgresLedger: BatchLedger {
    package func submit(_ batch: NewBatch, chunks: () throws -> [PlannedJob]?) async throws -> Submission {
        try await withoutActuallyEscaping(chunks) { chunks in
            // The closure is called on the connection's thread, and only while this call waits for it.
            nonisolated(unsafe) let chunks = chunks
            return try await connection.run { session in
                try session.transaction { try Self.submit(batch, chunks: chunks, session) }
            }
        }
    }

    private static func submit(
        _ batch: NewBatch, chunks: () throws -> [PlannedJob]?, _ session: PostgresSession
    ) throws -> Submission {
        try record(batch.model, session)
        var row = Reader(
            try session.query(
                """
                INSERT INTO batches (name, output_root, source_path, source_sha256, model_fingerprint, max_attempts,
                    budget_microusd, tenant, weight)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                ON CONFLICT (output_root, name) DO UPDATE SET source_path = excluded.source_path,
                    source_sha256 = excluded.source_sha256
                RETURNING id, forgotten_at IS NOT NULL, xmax <> 0, extract(epoch FROM now())
                """,
                [
                    .text(batch.name), .text(batch.outputRoot), .text(batch.sourcePath), .bytes(batch.sourceSHA256),
                    .text(batch.model.fingerprint.rawValue), .integer(batch.maxAttempts),
                    batch.budget.map { .integer($0.rawValue) } ?? .null, .text(batch.tenant), .integer(batch.weight),
                ]
            ).rows[0])
        let id = BatchID(rawValue: try row.number())
        guard try row.text() == "f" else {
            throw StoreError(
                .postgres, .conflict,
                "batch \(batch.name) is finished and the rows of its jobs are deleted; submit under another --name")
        }
        var writer = SubmissionWriter(
            session: session, batch: id, new: batch, isKnown: try row.text() == "t",
            now: Date(timeIntervalSince1970: try row.number()))
        try ReadAhead.run(depth: 2) {
            try chunks().map { SubmissionChunk($0, of: batch) }
        } consumer: { next in
            while let chunk = try next() { try writer.write(chunk) }
        }
        if writer.created > 0 {
            try session.query(
                "UPDATE batches SET last_job_id = greatest(last_job_id, $2) WHERE id = $1",
                [.integer(id.rawValue), .integer(writer.lastJob)])
        }
        return Submission(batch: id, submitted: writer.submitted, created: writer.created)
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
