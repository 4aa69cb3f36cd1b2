import Foundation
import PackshotJobs
import PackshotPostgres
import PackshotTestSupport
import Testing

extension LedgerTests {
    /// A ledger that packshot filled before migration 0005, as `pg_dump` wrote it: a finished batch of two shots, one with jobs
    /// waiting and cancelled and a budget, one whose jobs were all known already.
    private static func withOldLedger(_ body: (TestDatabase) async throws -> Void) async throws {
        try await TestDatabase.with(migrated: false) { database in
            let dump = try String(contentsOfFile: Fixtures.oldLedger, encoding: .utf8)
            try database.sql(dump)
            try await body(database)
        }
    }

    @Test func aFilledLedgerIsUpgradedAsItIs() async throws {
        try await Self.withOldLedger { database in
            let questions = [
                "SELECT * FROM jobs ORDER BY id", "SELECT to_jsonb(a) - 'is_estimate' FROM attempts a ORDER BY id",
                "SELECT * FROM images ORDER BY id",
                "SELECT * FROM job_events ORDER BY id", "SELECT * FROM products ORDER BY id",
                "SELECT * FROM batch_progress ORDER BY batch_id", "SELECT * FROM cost_by_sku ORDER BY batch_id, sku",
                "SELECT * FROM sku_history ORDER BY seed, relative_path", "SELECT * FROM cost_reconciliation",
            ]
            let before = try questions.map { try database.sql($0) }
            try #require(before.allSatisfy { !$0.isEmpty })
            #expect(try await database.migrator().migrate() == Migration.all.dropFirst(4).map(\.name))
            try await database.migrator().requireCurrent()
            for (question, answer) in zip(questions, before) {
                #expect(try database.sql(question) == answer, "\(question)")
            }
            #expect(try await database.audit().isEmpty)
        }
    }

    /// Jobs that had been submitted with another model than their batch's were made with the batch's.
    @Test func aBatchOfTwoModelsIsUpgradedToOneOfEach() async throws {
        try await Self.withOldLedger { database in
            let other = String(repeating: "7", count: 64)
            try database.sql(
                """
                INSERT INTO model_weights (fingerprint, name, path, pipeline_class, parameter_count, byte_count)
                VALUES ('\(other)', 'newer', '/models/newer', 'PRXPixelPipeline', 1, 1);
                -- All jobs of one product, and one job of another.
                UPDATE job_specs SET model_fingerprint = '\(other)' WHERE product_id = (SELECT min(product_id) FROM job_specs)
                    OR id = (SELECT max(id) FROM job_specs WHERE batch_id = (SELECT min(batch_id) FROM job_specs))
                """)
            let perJob = "SELECT id, state, model_fingerprint, relative_path, seed, attempt FROM jobs ORDER BY id"
            let jobs = try database.sql(perJob)
            let models = try database.sql(
                "SELECT model_fingerprint, images, image_microusd, waste_microusd FROM cost_by_model ORDER BY 1")
            let total = try database.sql("SELECT sum(jobs), sum(completed) FROM batch_progress")
            _ = try await database.migrator().migrate()
            #expect(try database.sql(perJob) == jobs)
            #expect(
                try database.sql(
                    "SELECT model_fingerprint, images, image_microusd, waste_microusd FROM cost_by_model ORDER BY 1")
                    == models)
            #expect(try database.sql("SELECT sum(jobs), sum(completed) FROM batch_progress") == total)
            let names = try database.sql("SELECT name FROM batches WHERE model_fingerprint = '\(other)'")
            #expect(!names.isEmpty && names.allSatisfy { $0.hasSuffix("~777777777777") })
            // The files were made by workers of the batch's model: that is what the audit is for.
            let broken = try await database.audit().map(\.rule)
            #expect(broken == ["a job is worked on with the model it is to be made with"])
        }
    }

    /// Numbers, identities and places carry on from where they were.
    @Test func anUpgradedLedgerGoesOn() async throws {
        try await Self.withOldLedger { database in
            _ = try await database.migrator().migrate()
            let row = try database.sql(
                """
                SELECT b.name, b.output_root, m.fingerprint, m.name, m.path, j.prompt, j.seed, j.width, j.height, j.steps, j.guidance,
                    j.relative_path, p.sku, p.title, j.shot, j.variant
                FROM jobs j JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id
                JOIN model_weights m ON m.fingerprint = j.model_fingerprint WHERE j.state = 'available' ORDER BY j.id LIMIT 1
                """)[0].split(separator: "|").map(String.init)
            let batch = NewBatch(
                name: row[0], outputRoot: row[1], sourcePath: "c.csv", sourceSHA256: [UInt8](repeating: 1, count: 32),
                model: ModelRecord(
                    fingerprint: ModelFingerprint(rawValue: row[2]), name: row[3], path: row[4],
                    pipelineClass: "PRXPixelPipeline", parameterCount: 1, byteCount: 1), tenant: "acme")
            func job(_ prompt: String, sku: String) throws -> PlannedJob {
                PlannedJob(
                    product: ProductRecord(sku: sku, title: row[13], attributes: [:]), shot: row[14],
                    variant: try #require(Int(row[15])),
                    spec: GenerationSpec(
                        prompt: prompt, negativePrompt: "", seed: try #require(UInt64(row[6])),
                        width: try #require(Int(row[7])), height: try #require(Int(row[8])),
                        steps: try #require(Int(row[9])), guidance: try #require(Double(row[10]))),
                    relativePath: sku == row[12] ? row[11] : "\(batch.name)/\(sku)/\(sku).main.0.png")
            }
            let known = try job(row[5], sku: row[12])
            let jobs = try database.sql("SELECT count(*), max(id) FROM jobs")
            #expect(try await database.submit([known], to: batch).created == 0, "the job of before is the job of now")
            #expect(try database.sql("SELECT count(*), max(id) FROM jobs") == jobs)
            let taken = try job("another prompt", sku: row[12])
            let error = await #expect(throws: StoreError.self) { try await database.submit([taken], to: batch) }
            #expect(error?.code == .conflict && error?.message.contains(row[12]) == true)

            let more = try await database.submit([known, try job("new", sku: "NEW")], to: batch)
            #expect(more.created == 1 && more.existing == 1)
            let owed = try await database.ledger.undispatched(more.batch, limit: 9)
            #expect(owed.flatMap(\.jobs).count == 1)
            try await database.ledger.register(
                WorkerRegistration(
                    id: WorkerID(rawValue: "w"), host: "h", processID: 1, version: "0", threads: 1, kernelClass: "k",
                    model: batch.model, rateCard: RateCard(name: "test", perHour: MicroDollars(rawValue: 1))))
            let claimed = try await database.ledger.confirm(
                owed.flatMap(\.jobs), by: WorkerID(rawValue: "w"), lease: .seconds(60))
            #expect(claimed.map(\.spec.prompt) == ["new"])
            let done = claimed.map { Sample.settlement($0, by: "w", Sample.image($0), from: 0, to: 1) }
            #expect(try await database.ledger.settle(done) == [.accepted(.completed)])
            #expect(try await database.audit().isEmpty)
        }
    }
}
