internal import Foundation
internal import PackshotJobs

/// Writes a submission's chunks into the ledger, within the transaction of its session.
///
/// What is new goes by COPY straight into the tables it belongs to, under numbers reserved before. A chunk in which the database
/// then finds something it has already is taken back and goes through temporary tables instead, from where only what is new is
/// inserted; so do the chunks after it, until one is all new again.
struct SubmissionWriter {
    private let session: PostgresSession
    private let batch: BatchID
    private let new: NewBatch
    private let now: Date

    /// Jobs handed in, jobs that were new, and the highest number among these.
    private(set) var submitted = 0
    private(set) var created = 0
    private(set) var lastJob: Int64 = 0

    private var isLikelyNew: Bool
    private var hasStage = false
    /// The product whose jobs may go on in the next chunk.
    private var lastProduct: (sku: String, number: Int64)?

    /// - Parameters:
    ///   - isKnown: The batch was there before, so that its jobs may be, too.
    ///   - now: The moment by the server's clock, which decides what is still to come.
    init(session: PostgresSession, batch: BatchID, new: NewBatch, isKnown: Bool, now: Date) {
        self.session = session
        self.batch = batch
        self.new = new
        self.now = now
        isLikelyNew = !isKnown
    }

    /// - Throws: ``StoreError`` `.conflict` when a path is taken by another image.
    mutating func write(_ chunk: SubmissionChunk) throws {
        guard !chunk.jobs.isEmpty else { return }
        let rows = try number(chunk)
        submitted += rows.chunk.jobs.count
        if isLikelyNew, try copyNew(rows) {
            created += rows.chunk.jobs.count
            lastJob = rows.firstJob + Int64(rows.chunk.jobs.count) - 1
            lastProduct = zip(rows.chunk.products, rows.productNumbers).suffix(1).first.map { ($0.sku, $1) }
        } else {
            let inserted = try insertMissing(rows)
            created += inserted.count
            lastJob = max(lastJob, inserted.last)
            isLikelyNew = inserted.count == rows.chunk.jobs.count
            lastProduct = nil
        }
    }

    // MARK: Rows

    /// A chunk with the numbers its rows will have.
    private struct Rows {
        let chunk: SubmissionChunk
        let productNumbers: [Int64]
        /// The first product was written with the chunk before.
        let isFirstProductWritten: Bool
        let firstJob: Int64
    }

    private func number(_ chunk: SubmissionChunk) throws -> Rows {
        let known = lastProduct.flatMap { $0.sku == chunk.products[0].sku ? $0.number : nil }
        let fresh = chunk.products.count - (known == nil ? 0 : 1)
        let firstProduct = try reserve(fresh, of: "products_id_seq")
        return Rows(
            chunk: chunk,
            productNumbers: (known.map { [$0] } ?? []) + (0..<Int64(fresh)).map { firstProduct + $0 },
            isFirstProductWritten: known != nil,
            firstJob: try reserve(chunk.jobs.count, of: "job_specs_id_seq"))
    }

    private func reserve(_ count: Int, of sequence: String) throws -> Int64 {
        guard count > 0 else { return 0 }
        var row = PostgresLedger.Reader(
            try session.query("SELECT reserve_numbers($1, $2)", [.text(sequence), .integer(count)]).rows[0])
        return try row.number()
    }

    private static let productColumns = "(id, batch_id, sku, title, attributes)"
    private static let specColumns = """
        (id, batch_id, product_id, shot, variant, priority, model_fingerprint, prompt, negative_prompt, seed, width, height, steps,
        guidance, relative_path, unique_key, text_cleaning, shortcuts, start_at)
        """

    private func copyProducts(_ rows: Rows, into table: String, from start: Int) throws {
        let copied = zip(rows.productNumbers, rows.chunk.products).dropFirst(start)
        try session.copy("COPY \(table) \(Self.productColumns) FROM STDIN BINARY", copied) { [batch] product, row in
            row.row(columns: 5)
            row.number(product.0)
            row.number(batch.rawValue)
            row.text(product.1.sku)
            row.text(product.1.title)
            row.json(product.1.attributes)
        }
    }

    private func copySpecs(_ rows: Rows, into table: String) throws {
        let model = new.model.fingerprint.rawValue
        let chunk = rows.chunk
        try session.copy("COPY \(table) \(Self.specColumns) FROM STDIN BINARY", chunk.jobs.indices) {
            [batch] index, row in
            let planned = chunk.jobs[index]
            let spec = planned.spec
            row.row(columns: 19)
            row.number(rows.firstJob + Int64(index))
            row.number(batch.rawValue)
            row.number(rows.productNumbers[chunk.productIndices[index]])
            row.text(planned.shot)
            row.number(Int32(planned.variant))
            row.number(Int16(planned.priority))
            row.text(model)
            row.text(spec.prompt)
            row.text(spec.negativePrompt)
            row.numeric(spec.seed)
            row.number(Int32(spec.width))
            row.number(Int32(spec.height))
            row.number(Int32(spec.steps))
            row.number(spec.guidance)
            row.text(planned.relativePath)
            row.data(chunk.keys[index])
            if let cleaning = spec.textCleaning { row.text(cleaning.rawValue) } else { row.null() }
            if let shortcuts = spec.shortcuts { row.json(try PostgresValue.json(shortcuts)) } else { row.null() }
            if let start = planned.scheduledAt { row.date(start) } else { row.null() }
        }
    }

    private func copyStates(_ rows: Rows) throws {
        var id = rows.firstJob
        try session.copy(
            "COPY job_states (job_id, batch_id, state, max_attempts, scheduled_at) FROM STDIN BINARY", rows.chunk.jobs
        ) { [batch, new, now] job, row in
            row.row(columns: 5)
            row.number(id)
            id += 1
            row.number(batch.rawValue)
            let later = job.scheduledAt.flatMap { $0 > now ? $0 : nil }
            row.text(later == nil ? "available" : "scheduled")
            row.number(Int32(new.maxAttempts))
            if let later { row.date(later) } else { row.null() }
        }
    }

    // MARK: What is new

    /// - Returns: False when something of it was there already, and nothing of it is written.
    private func copyNew(_ rows: Rows) throws -> Bool {
        try session.script("SAVEPOINT chunk")
        do {
            try copyProducts(rows, into: "products", from: rows.isFirstProductWritten ? 1 : 0)
            try copySpecs(rows, into: "job_specs")
            try copyStates(rows)
        } catch let error as StoreError where error.detail == "23505" {
            try session.script("ROLLBACK TO SAVEPOINT chunk; RELEASE SAVEPOINT chunk")
            return false
        }
        try session.script("RELEASE SAVEPOINT chunk")
        return true
    }

    // MARK: What may be known

    private mutating func insertMissing(_ rows: Rows) throws -> (count: Int, last: Int64) {
        if hasStage {
            try session.script("TRUNCATE incoming_products, incoming_specs")
        } else {
            try session.script(
                """
                CREATE TEMPORARY TABLE incoming_products (LIKE products, known_as bigint) ON COMMIT DROP;
                CREATE TEMPORARY TABLE incoming_specs (LIKE job_specs INCLUDING DEFAULTS) ON COMMIT DROP
                """)
            hasStage = true
        }
        try copyProducts(rows, into: "incoming_products", from: 0)
        try copySpecs(rows, into: "incoming_specs")
        // What is looked for in the large tables is asked row by row, so that it is found by its index whatever the planner thinks.
        try session.query(
            """
            DELETE FROM incoming_specs i
            WHERE (SELECT j.id FROM job_specs j WHERE j.unique_key = i.unique_key) IS NOT NULL
            """)
        try session.query(
            """
            INSERT INTO products \(Self.productColumns) OVERRIDING SYSTEM VALUE
            SELECT id, batch_id, sku, title, attributes FROM incoming_products
            WHERE id IN (SELECT product_id FROM incoming_specs) ORDER BY id
            ON CONFLICT (batch_id, sku) DO NOTHING
            """)
        // Rows came under the number their product would have got.
        try session.query(
            """
            UPDATE incoming_products n
            SET known_as = (SELECT p.id FROM products p WHERE p.batch_id = $1 AND p.sku = n.sku)
            """, [.integer(batch.rawValue)])
        try session.query(
            """
            UPDATE incoming_specs i SET product_id = n.known_as FROM incoming_products n
            WHERE n.id = i.product_id AND n.known_as <> n.id
            """)
        try refuseTakenPaths()
        var row = PostgresLedger.Reader(
            try session.query(
                """
                WITH specified AS (
                    INSERT INTO job_specs \(Self.specColumns) OVERRIDING SYSTEM VALUE
                    SELECT id, batch_id, product_id, shot, variant, priority, model_fingerprint, prompt, negative_prompt, seed,
                           width, height, steps, guidance, relative_path, unique_key, text_cleaning, shortcuts, start_at
                    FROM incoming_specs ORDER BY id ON CONFLICT (unique_key) DO NOTHING
                    RETURNING id, CASE WHEN start_at > now() THEN start_at END AS later
                ), placed AS (
                    INSERT INTO job_states (job_id, batch_id, state, max_attempts, scheduled_at)
                    SELECT id, $1, CASE WHEN later IS NULL THEN 'available'::job_state ELSE 'scheduled' END, $2, later
                    FROM specified
                )
                SELECT count(*), coalesce(max(id), 0) FROM specified
                """, [.integer(batch.rawValue), .integer(new.maxAttempts)]
            ).rows[0])
        return (try row.number(), try row.number())
    }

    /// Two different images cannot have one path, and a path follows from SKU, shot and variant. Says which, before the
    /// constraint would.
    private func refuseTakenPaths() throws {
        let taken = try session.query(
            """
            SELECT (SELECT p.sku FROM products p WHERE p.id = i.product_id), i.shot, i.relative_path FROM incoming_specs i
            WHERE (SELECT j.unique_key FROM job_specs j
                   WHERE j.product_id = i.product_id AND j.shot = i.shot AND j.variant = i.variant) <> i.unique_key
            ORDER BY i.id LIMIT 1
            """)
        guard let row = taken.rows.first else { return }
        throw StoreError(
            .postgres, .conflict,
            "SKU \(row[0] ?? ""), shot \(row[1] ?? ""): batch \(new.name) already has an image with other settings at \(row[2] ?? ""); submit under another --name, or to another --out"
        )
    }
}
