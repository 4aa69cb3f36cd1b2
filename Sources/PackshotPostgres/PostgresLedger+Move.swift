internal import Foundation
internal import PackshotJobs

/// An output folder that moved.
package struct FolderMove: Hashable, Codable, Sendable {
    package let batches: Int
    package let jobs: Int
}

extension PostgresLedger {
    /// Images below a folder, as they are to be found below it: path and size, by pages in the order of their jobs.
    package func images(
        below root: String, after job: Int64, limit: Int
    ) async throws -> [(job: Int64, folder: String, path: String, size: Int64, sha256: String)] {
        try await connection.run { session in
            try session.query(
                """
                SELECT i.job_id, coalesce(w.output_root, b.output_root), i.relative_path, i.byte_count, encode(i.sha256, 'hex')
                FROM images i JOIN batches b ON b.id = i.batch_id
                JOIN attempts a ON a.id = i.attempt_id JOIN workers w ON w.id = a.worker_id
                WHERE \(Self.below("coalesce(w.output_root, b.output_root)")) AND i.job_id > $2 ORDER BY i.job_id LIMIT $3
                """, [.text(root), .integer(job), .integer(limit)]
            ).rows.map { row in
                var cells = Reader(row)
                return (
                    try cells.number(), try cells.text(), try cells.text(), try cells.number(), try cells.text()
                )
            }
        }
    }

    /// A folder, or one inside it, is `$1`.
    private static func below(_ column: String) -> String {
        "(\(column) = $1 OR starts_with(\(column), $1 || '/'))"
    }

    /// Tells the ledger that what was below a folder is below another now. What a job is called changes with it, so that the same
    /// catalog submitted to the new folder is known. All in one transaction.
    /// - Throws: ``StoreError`` `.notFound` when no batch is there; `.conflict` when jobs run, or the new folder has batches or
    ///   images of the same names.
    package func move(_ old: String, to new: String) async throws -> FolderMove {
        try await connection.run { session in
            try session.transaction {
                let batches = try session.query(
                    "SELECT id FROM batches WHERE \(Self.below("output_root")) ORDER BY id FOR UPDATE", [.text(old)]
                ).rows.compactMap { $0[0].flatMap { Int64($0) } }
                let running = try session.query(
                    """
                    SELECT count(*) FROM batches b JOIN job_states s ON s.batch_id = b.id
                    WHERE s.state = 'running' AND \(Self.below("b.output_root"))
                    """, [.text(old)]
                ).rows[0][0]
                guard running == "0" else {
                    throw StoreError(
                        .postgres, .conflict,
                        "\(running ?? "some") jobs of \(old) are running and would write there: pause the batches or drain the workers, then move"
                    )
                }
                let workers = try session.query(
                    """
                    UPDATE workers SET output_root = $2 || substr(output_root, length($1) + 1)
                    WHERE \(Self.below("output_root"))
                    """, [.text(old), .text(new)]
                ).affected
                guard !batches.isEmpty || workers > 0 else {
                    throw StoreError(.postgres, .notFound, "no batch writes to \(old): see \"packshot ledger\"")
                }
                do {
                    try session.query(
                        """
                        UPDATE batches SET output_root = $2 || substr(output_root, length($1) + 1)
                        WHERE \(Self.below("output_root"))
                        """, [.text(old), .text(new)])
                    let jobs = try batches.reduce(0) { try $0 + rekey(BatchID(rawValue: $1), session) }
                    return FolderMove(batches: batches.count, jobs: jobs)
                } catch let error as StoreError where error.detail == "23505" {
                    throw StoreError(
                        .postgres, .conflict,
                        "\(new) has batches or images of the same names already: what was made there would be made out to be \(old)'s"
                    )
                }
            }
        }
    }

    /// Gives each job of a batch the key that its place has now.
    private func rekey(_ batch: BatchID, _ session: PostgresSession) throws -> Int {
        var last: Int64 = 0
        var count = 0
        while true {
            let rows = try session.query(
                """
                SELECT j.id, b.model_fingerprint, b.output_root, p.sku, j.shot, j.variant, j.prompt, j.negative_prompt, j.seed,
                       j.width, j.height, j.steps, j.guidance, j.text_cleaning, j.shortcuts
                FROM products p JOIN job_specs j ON j.product_id = p.id JOIN batches b ON b.id = j.batch_id
                WHERE p.batch_id = $1 AND j.id > $2 ORDER BY j.id LIMIT 10000
                """, [.integer(batch.rawValue), .integer(last)]
            ).rows
            guard !rows.isEmpty else { return count }
            var ids: [Int64] = []
            var keys = PostgresArray(of: .bytes)
            for row in rows {
                var cells = Reader(row)
                last = try cells.number()
                let model = ModelFingerprint(rawValue: try cells.text())
                let (root, sku, shot) = (try cells.text(), try cells.text(), try cells.text())
                let variant = try cells.number(Int.self)
                let spec = GenerationSpec(
                    prompt: try cells.text(), negativePrompt: try cells.text(), seed: try cells.number(),
                    width: try cells.number(), height: try cells.number(), steps: try cells.number(),
                    guidance: try cells.number(),
                    textCleaning: cells.optional().flatMap(PromptCleaning.init(rawValue:)),
                    shortcuts: try cells.optional().map {
                        try JSONDecoder().decode(Shortcuts.self, from: Data($0.utf8))
                    })
                ids.append(last)
                keys.append(
                    spec.uniqueKey(model: model, outputRoot: root, sku: sku, shot: shot, variant: variant))
            }
            count += rows.count
            try session.query(
                """
                UPDATE job_specs SET unique_key = k.key FROM unnest($1::bigint[], $2::bytea[]) AS k (id, key)
                WHERE job_specs.id = k.id
                """, [.bigints(ids), keys.value])
        }
    }
}
