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
                RETURNING id
                """,
                [
                    .text(batch.name), .text(batch.outputRoot), .text(batch.sourcePath), .bytes(batch.sourceSHA256),
                    .text(batch.model.fingerprint.rawValue), .integer(batch.maxAttempts),
                    batch.budget.map { .integer($0.rawValue) } ?? .null, .text(batch.tenant), .integer(batch.weight),
                ]
            ).rows[0])
        let id = BatchID(rawValue: try row.number())
        try session.script(
            """
            CREATE TEMPORARY TABLE incoming (place bigint, sku text, title text, attributes jsonb, shot text, variant integer,
                priority smallint, prompt text, negative_prompt text, seed numeric(20), width integer, height integer,
                steps integer, guidance double precision, relative_path text, unique_key bytea, scheduled_at double precision,
                text_cleaning text, shortcuts jsonb)
                ON COMMIT DROP
            """)
        var submitted = 0
        try session.copy("COPY incoming FROM STDIN") {
            guard let jobs = try chunks() else { return nil }
            var lines = CopyLines()
            for job in jobs {
                submitted += 1
                try lines.append(job, place: submitted, batch: batch)
            }
            return lines.bytes
        }
        try refuseTakenPaths(id, batch, session)
        try session.query(
            """
            INSERT INTO products (batch_id, sku, title, attributes)
            SELECT $1, sku, title, attributes FROM (
                SELECT DISTINCT ON (sku) place, sku, title, attributes FROM incoming ORDER BY sku, place) first
            ORDER BY place ON CONFLICT (batch_id, sku) DO NOTHING
            """, [.integer(id.rawValue)])
        let created = try session.query(
            """
            WITH specified AS (
                INSERT INTO job_specs (batch_id, product_id, shot, variant, priority, model_fingerprint, prompt, negative_prompt,
                    seed, width, height, steps, guidance, relative_path, unique_key, text_cleaning, shortcuts, start_at)
                SELECT $1, p.id, i.shot, i.variant, i.priority, $3, i.prompt, i.negative_prompt, i.seed, i.width, i.height,
                       i.steps, i.guidance, i.relative_path, i.unique_key, i.text_cleaning, i.shortcuts,
                       to_timestamp(i.scheduled_at)
                FROM incoming i JOIN products p ON p.batch_id = $1 AND p.sku = i.sku
                ORDER BY i.place ON CONFLICT (unique_key) DO NOTHING
                RETURNING id, CASE WHEN start_at > now() THEN start_at END AS later
            )
            INSERT INTO job_states (job_id, batch_id, state, max_attempts, scheduled_at)
            SELECT id, $1, CASE WHEN later IS NULL THEN 'available'::job_state ELSE 'scheduled' END, $2, later FROM specified
            """, [.integer(id.rawValue), .integer(batch.maxAttempts), .text(batch.model.fingerprint.rawValue)]
        ).affected
        if created > 0 {
            try session.query(
                "UPDATE batches SET last_job_id = currval('job_specs_id_seq') WHERE id = $1", [.integer(id.rawValue)])
        }
        return Submission(batch: id, submitted: submitted, created: created)
    }

    /// Two different images cannot have one path. Says which, before the constraint would.
    private static func refuseTakenPaths(_ id: BatchID, _ batch: NewBatch, _ session: PostgresSession) throws {
        let taken = try session.query(
            """
            SELECT i.sku, i.shot, i.relative_path FROM incoming i
            JOIN job_specs j ON j.batch_id = $1 AND j.relative_path = i.relative_path AND j.unique_key <> i.unique_key
            ORDER BY i.place LIMIT 1
            """, [.integer(id.rawValue)])
        guard let row = taken.rows.first else { return }
        throw StoreError(
            .postgres, .conflict,
            "SKU \(row[0] ?? ""), shot \(row[1] ?? ""): batch \(batch.name) already has an image with other settings at \(row[2] ?? ""); submit under another --name, or to another --out"
        )
    }

    package func undispatched(_ batch: BatchID, limit: Int) async throws -> [DispatchEntry] {
        try await connection.run { session in
            try Self.entries(
                session.query(
                    """
                    SELECT j.id, b.model_fingerprint, j.priority, extract(epoch FROM s.scheduled_at), b.share, b.weight
                    FROM (SELECT j.id, j.priority FROM job_specs j
                          WHERE j.id > (SELECT dispatched_through FROM batches WHERE id = $1)
                            AND j.id <= (SELECT last_job_id FROM batches WHERE id = $1)
                            -- The sum keeps the index on paths out: the ids of a batch lie together.
                            AND j.batch_id + 0 = $1
                          ORDER BY j.id LIMIT $2) j JOIN job_states s ON s.job_id = j.id
                    JOIN batches b ON b.id = $1 ORDER BY j.id
                    """, [.integer(batch.rawValue), .integer(limit)]))
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

/// Jobs as lines of COPY's text format: tab between columns, backslash before what would be read as syntax.
private struct CopyLines {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ job: PlannedJob, place: Int, batch: NewBatch) throws {
        let key = job.spec.uniqueKey(
            model: batch.model.fingerprint, outputRoot: batch.outputRoot, sku: job.product.sku, shot: job.shot,
            variant: job.variant)
        let columns: [String?] = [
            String(place), job.product.sku, job.product.title, Self.json(job.product.attributes), job.shot,
            String(job.variant), String(job.priority), job.spec.prompt, job.spec.negativePrompt, String(job.spec.seed),
            String(job.spec.width), String(job.spec.height), String(job.spec.steps), String(job.spec.guidance),
            job.relativePath, PostgresValue.hexadecimal(key), job.scheduledAt.map { String($0.timeIntervalSince1970) },
            job.spec.textCleaning?.rawValue, try job.spec.shortcuts.map(PostgresValue.json),
        ]
        for (index, column) in columns.enumerated() {
            if index > 0 { bytes.append(9) }
            if let column { appendEscaped(column) } else { bytes += Array("\\N".utf8) }
        }
        bytes.append(10)
    }

    private mutating func appendEscaped(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case 9: bytes += [92, UInt8(ascii: "t")]
            case 10: bytes += [92, UInt8(ascii: "n")]
            case 13: bytes += [92, UInt8(ascii: "r")]
            case 92: bytes += [92, 92]
            default: bytes.append(byte)
            }
        }
    }

    /// A JSON object of strings, keys in order.
    private static func json(_ attributes: [String: String]) -> String {
        let members = attributes.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
        return "{" + members.joined(separator: ",") + "}"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 32:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
