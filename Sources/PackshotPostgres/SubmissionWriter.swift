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
    private let maxAttempts: Int
    private let now: Date

    /// Jobs handed in, jobs that were new, and the highest number among these.
    private(set) var submitted = 0
    private(set) var created = 0
    private(set) var lastJob: Int64 = 0

    private var known: [KnownAs: Int] = [:]
    private var conflicts: SubmissionConflicts
    private var isLikelyNew: Bool
    private var hasStage = false
    /// The product whose jobs may go on in the next chunk.
    private var lastProduct: (sku: String, number: Int64)?

    /// - Parameters:
    ///   - maxAttempts: Of the batch that is there; nil for the usual number.
    ///   - isKnown: The batch was there before, so that its jobs may be, too.
    ///   - now: The moment by the server's clock, which decides what is still to come.
    init(
        session: PostgresSession, batch: BatchID, new: NewBatch, maxAttempts: Int?, isKnown: Bool, now: Date
    ) {
        self.session = session
        self.batch = batch
        self.new = new
        self.maxAttempts = maxAttempts ?? NewBatch.usualAttempts
        self.now = now
        conflicts = SubmissionConflicts(batch: new.name)
        isLikelyNew = !isKnown
    }

    /// After the first conflict nothing is written any more, only looked for others.
    mutating func write(_ chunk: SubmissionChunk) throws {
        guard !chunk.jobs.isEmpty else { return }
        let rows = try number(chunk)
        submitted += rows.chunk.jobs.count
        if isLikelyNew, conflicts.isEmpty, try copyNew(rows) {
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

    /// Says what came of it all.
    /// - Returns: What the ledger had already.
    /// - Throws: ``StoreError`` `.conflict` naming what cannot be written.
    func finish() throws -> [KnownJobs] {
        guard conflicts.isEmpty else { throw conflicts.error }
        var batches: [Int64: (name: String, root: String)] = [:]
        for row in try session.query(
            "SELECT id, name, output_root FROM batches WHERE id = ANY ($1::bigint[])",
            [.bigints(Set(known.keys.map(\.batch)))]
        ).rows {
            var cells = PostgresLedger.Reader(row)
            batches[try cells.number()] = (try cells.text(), try cells.text())
        }
        return known.sorted { ($0.key.batch, $0.key.state.rawValue) < ($1.key.batch, $1.key.state.rawValue) }.map {
            KnownJobs(
                batch: BatchID(rawValue: $0.key.batch), batchName: batches[$0.key.batch]?.name ?? "",
                outputRoot: batches[$0.key.batch]?.root ?? "", state: $0.key.state, count: $0.value)
        }
    }

    private struct KnownAs: Hashable {
        let batch: Int64
        let state: JobState
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
        (id, batch_id, product_id, shot, variant, priority, prompt, negative_prompt, seed, width, height, steps, guidance,
         relative_path, unique_key, text_cleaning, shortcuts, start_at)
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
        let chunk = rows.chunk
        try session.copy("COPY \(table) \(Self.specColumns) FROM STDIN BINARY", chunk.jobs.indices) {
            [batch] index, row in
            let planned = chunk.jobs[index]
            let spec = planned.spec
            row.row(columns: 18)
            row.number(rows.firstJob + Int64(index))
            row.number(batch.rawValue)
            row.number(rows.productNumbers[chunk.productIndices[index]])
            row.text(planned.shot)
            row.number(Int32(planned.variant))
            row.number(Int16(planned.priority))
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
        ) { [batch, maxAttempts, now] job, row in
            row.row(columns: 5)
            row.number(id)
            id += 1
            row.number(batch.rawValue)
            let later = job.scheduledAt.flatMap { $0 > now ? $0 : nil }
            row.text(later == nil ? "available" : "scheduled")
            row.number(Int32(maxAttempts))
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
            try session.script("TRUNCATE incoming_products, incoming_specs, known_jobs")
        } else {
            try session.script(
                """
                CREATE TEMPORARY TABLE incoming_products (LIKE products, known_as bigint) ON COMMIT DROP;
                CREATE TEMPORARY TABLE incoming_specs (LIKE job_specs INCLUDING DEFAULTS) ON COMMIT DROP;
                CREATE TEMPORARY TABLE known_jobs (incoming bigint, job bigint, batch_id bigint, priority smallint) ON COMMIT DROP
                """)
            hasStage = true
        }
        try copyProducts(rows, into: "incoming_products", from: 0)
        try copySpecs(rows, into: "incoming_specs")
        try takeOutKnown()
        if conflicts.isEmpty {
            try session.query(
                """
                INSERT INTO products \(Self.productColumns) OVERRIDING SYSTEM VALUE
                SELECT id, batch_id, sku, title, attributes FROM incoming_products
                WHERE id IN (SELECT product_id FROM incoming_specs) ORDER BY id
                ON CONFLICT (batch_id, sku) DO NOTHING
                """)
        }
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
        try findTakenPaths()
        guard conflicts.isEmpty else { return (0, 0) }
        var row = PostgresLedger.Reader(
            try session.query(
                """
                WITH specified AS (
                    INSERT INTO job_specs \(Self.specColumns) OVERRIDING SYSTEM VALUE
                    SELECT \(Self.specColumns.dropFirst().dropLast())
                    FROM incoming_specs ORDER BY id ON CONFLICT (unique_key) DO NOTHING
                    RETURNING id, CASE WHEN start_at > now() THEN start_at END AS later
                ), placed AS (
                    INSERT INTO job_states (job_id, batch_id, state, max_attempts, scheduled_at)
                    SELECT id, $1, CASE WHEN later IS NULL THEN 'available'::job_state ELSE 'scheduled' END, $2, later
                    FROM specified
                )
                SELECT count(*), coalesce(max(id), 0), (SELECT count(*) FROM incoming_specs) FROM specified
                """, [.integer(batch.rawValue), .integer(maxAttempts)]
            ).rows[0])
        let (inserted, last) = (try row.number(Int.self), try row.number(Int64.self))
        if try row.number(Int.self) > inserted {
            // Somebody else added the rest meanwhile.
            try session.script("TRUNCATE known_jobs")
            try takeOutKnown()
        }
        return (inserted, last)
    }

    /// Moves jobs the ledger has from what came in to `known_jobs`, counts them, and gives them what they are submitted with.
    ///
    /// What is looked for in the large tables is asked row by row, so that it is found by its index whatever the planner thinks.
    private mutating func takeOutKnown() throws {
        let found = try session.query(
            """
            INSERT INTO known_jobs
            SELECT i.id, j.id, j.batch_id, j.priority
            FROM incoming_specs i CROSS JOIN LATERAL (
                SELECT id, batch_id, priority FROM job_specs WHERE unique_key = i.unique_key LIMIT 1) j
            WHERE j.id <> i.id
            """)
        guard found.affected > 0 else { return }
        var givenUp: [Int64] = []
        var isWaitingHere = false
        let states = try session.query(
            """
            SELECT s.batch_id, s.state, count(*), array_to_string(array_agg(k.job) FILTER (WHERE s.finished_at IS NOT NULL
                AND s.state <> 'completed'), ',')
            FROM known_jobs k CROSS JOIN LATERAL (
                SELECT batch_id, state, finished_at FROM job_states WHERE job_id = k.job LIMIT 1) s
            GROUP BY s.batch_id, s.state
            """)
        for row in states.rows {
            var cells = PostgresLedger.Reader(row)
            let batch = try cells.number(Int64.self)
            let name = try cells.text()
            guard let state = JobState(rawValue: name) else {
                throw StoreError(.postgres, .unexpected, "PostgreSQL answered the unknown state \(name)")
            }
            known[KnownAs(batch: batch, state: state), default: 0] += try cells.number(Int.self)
            givenUp += (cells.optional() ?? "").split(separator: ",").compactMap { Int64($0) }
            if batch == self.batch.rawValue, [.available, .scheduled, .retryable].contains(state) {
                isWaitingHere = true
            }
        }
        if conflicts.isEmpty, !givenUp.isEmpty { try revive(givenUp) }
        if isWaitingHere {
            try findOtherPriorities()
            if conflicts.isEmpty { try moveStarts() }
        }
        try session.query("DELETE FROM incoming_specs i USING known_jobs k WHERE k.incoming = i.id")
    }

    /// Jobs that had been given up wait again, as they are asked for now. The queue does not know their start, so it is none
    /// that they are left to the queue for.
    private func revive(_ jobs: [Int64]) throws {
        try session.query(
            """
            WITH chosen AS MATERIALIZED (
                SELECT s.job_id, s.state, i.priority, CASE WHEN i.start_at > now() THEN i.start_at END AS later
                FROM job_states s JOIN known_jobs k ON k.job = s.job_id JOIN incoming_specs i ON i.id = k.incoming
                WHERE s.job_id = ANY ($1::bigint[]) AND s.state IN ('cancelled', 'discarded')
                ORDER BY s.job_id FOR UPDATE OF s
            ), back AS (
                UPDATE job_states SET attempt = 0, finished_at = NULL, scheduled_at = c.later, available_at = now(),
                    state = CASE WHEN c.later IS NULL THEN 'available'::job_state ELSE 'scheduled' END,
                    error_code = NULL, error_message = NULL
                FROM chosen c WHERE job_states.job_id = c.job_id
            ), asked AS (
                UPDATE job_specs SET priority = c.priority, start_at = NULL FROM chosen c
                WHERE job_specs.id = c.job_id AND (job_specs.priority <> c.priority OR job_specs.start_at IS NOT NULL)
            )
            INSERT INTO job_events (job_id, event, from_state, to_state)
            SELECT job_id, 'submitted_again', state, CASE WHEN later IS NULL THEN 'available'::job_state ELSE 'scheduled' END
            FROM chosen
            """, [.bigints(jobs)])
    }

    /// Jobs of the batch that wait take the start they are submitted with, if that is still to come.
    private func moveStarts() throws {
        try session.query(
            """
            WITH chosen AS MATERIALIZED (
                SELECT s.job_id, s.state, i.start_at
                FROM known_jobs k JOIN incoming_specs i ON i.id = k.incoming JOIN job_states s ON s.job_id = k.job
                WHERE k.batch_id = $1 AND i.start_at > now() AND s.job_id = ANY (ARRAY(SELECT job FROM known_jobs))
                  AND s.state IN ('available', 'scheduled')
                  AND s.scheduled_at IS DISTINCT FROM i.start_at
                ORDER BY s.job_id FOR UPDATE OF s
            ), moved AS (
                UPDATE job_states SET scheduled_at = c.start_at, available_at = now(), state = 'scheduled'
                FROM chosen c WHERE job_states.job_id = c.job_id
            )
            INSERT INTO job_events (job_id, event, from_state, to_state)
            SELECT job_id, 'postponed', state, 'scheduled' FROM chosen WHERE state = 'available'
            """, [.integer(batch.rawValue)])
    }

    private mutating func findOtherPriorities() throws {
        let rows = try session.query(
            """
            SELECT (SELECT p.sku FROM products p JOIN job_specs j ON j.product_id = p.id WHERE j.id = k.job),
                   i.shot, i.relative_path
            FROM known_jobs k JOIN incoming_specs i ON i.id = k.incoming
            WHERE k.batch_id = $1 AND k.priority <> i.priority
              AND (SELECT s.state FROM job_states s WHERE s.job_id = k.job) IN ('available', 'scheduled', 'retryable')
            ORDER BY i.id
            """, [.integer(batch.rawValue)]
        ).rows
        conflicts.addWaiting(rows.map(Self.clash))
    }

    /// Two different images cannot have one path, and a path follows from SKU, shot and variant. Says which, before the
    /// constraint would.
    private mutating func findTakenPaths() throws {
        let rows = try session.query(
            """
            SELECT (SELECT p.sku FROM products p WHERE p.id = i.product_id), i.shot, i.relative_path FROM incoming_specs i
            WHERE (SELECT j.unique_key FROM job_specs j
                   WHERE j.product_id = i.product_id AND j.shot = i.shot AND j.variant = i.variant) <> i.unique_key
            ORDER BY i.id
            """
        ).rows
        conflicts.addTaken(rows.map(Self.clash))
    }

    private static func clash(_ row: [String?]) -> SubmissionConflicts.Clash {
        SubmissionConflicts.Clash(sku: row[0] ?? "", shot: row[1] ?? "", path: row[2] ?? "")
    }
}
