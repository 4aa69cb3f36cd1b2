import Foundation
import Testing

extension IntegrationTests {
    /// Every way a user gets it wrong: a clear error that names the row, key or server, the right exit code, and nothing
    /// half-written.
    @Suite("Bad input")
    struct BadInputTests {
        private func enqueue(_ site: Site, _ catalog: String, model: String = Program.demoModel) throws
            -> Program.Outcome
        {
            try site.run(["enqueue", catalog, "--model", model, "--out", site.out])
        }

        private func expectNothingWritten(_ site: Site) throws {
            #expect(try site.count("SELECT count(*) FROM batches") == 0)
            #expect(try site.count("SELECT count(*) FROM jobs") == 0)
            #expect(try site.files().isEmpty)
        }

        @Test(arguments: [
            ("missing column", "sku,name\nA-1,red mug\n", ["title"]),
            ("empty title", "sku,title\nA-1,red mug\nA-2,\n", ["A-2", "title"]),
            ("empty SKU", "sku,title\n,red mug\n", ["row 2"]),
            ("duplicate SKU", "sku,title\nA-1,red mug\nA-1,blue mug\n", ["A-1", "duplicate"]),
            ("path as SKU", "sku,title\n../../x,red mug\n", ["../../x"]),
            ("unterminated quote", "sku,title\nA-1,\"red mug\n", ["quote"]),
            ("empty file", "", ["empty"]),
        ])
        func catalogsThatCannotBeUsed(what: String, text: String, mentions: [String]) async throws {
            try await Site.with { site in
                let outcome = try enqueue(site, try site.file("catalog.csv", text))
                #expect(outcome.status == 4, "\(what): \(outcome.errors)")
                for mention in mentions {
                    #expect(outcome.errors.lowercased().contains(mention.lowercased()), "\(what): \(outcome.errors)")
                }
                try expectNothingWritten(site)
            }
        }

        @Test func titleOfAMegabyte() async throws {
            try await Site.with { site in
                let title = String(repeating: "x", count: 1_100_000)
                let outcome = try enqueue(site, try site.file("catalog.csv", "sku,title\nA-1,\(title)\n"))
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("title"))
                #expect(outcome.errors.utf8.count < 2_000, "the error does not repeat the megabyte")
                try expectNothingWritten(site)
            }
        }

        @Test func catalogThatIsNotThere() async throws {
            try await Site.with { site in
                let outcome = try enqueue(site, "\(site.folder)/nowhere.csv")
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("nowhere.csv"))
            }
        }

        @Test func kernelsThatThereAreNot() async throws {
            try await Site.with { site in
                let outcome = try site.run(["status"], environment: ["PACKSHOT_KERNELS": "abacus"])
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("PACKSHOT_KERNELS is 'abacus'; it can be vectors or tiles"))
            }
        }

        @Test func modelFolderThatIsNone() async throws {
            try await Site.with { site in
                let outcome = try enqueue(site, try site.catalog(rows: 1), model: site.folder)
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("model_index.json"))
                try expectNothingWritten(site)
            }
        }

        @Test func truncatedWeights() async throws {
            try await Site.with { site in
                let model = "\(site.folder)/model"
                try FileManager.default.copyItem(atPath: Program.demoModel, toPath: model)
                let weights = "\(model)/transformer/diffusion_pytorch_model.safetensors"
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: weights))
                try handle.truncate(atOffset: 1_000_000)
                try handle.close()
                let outcome = try enqueue(site, try site.catalog(rows: 1), model: model)
                #expect(outcome.status == 4)
                #expect(outcome.errors.contains("diffusion_pytorch_model.safetensors"))
                try expectNothingWritten(site)
            }
        }

        @Test func databaseThatIsNotThere() async throws {
            try await Site.with { site in
                let outcome = try site.run(
                    ["status"], environment: ["DATABASE_URL": "postgresql://u:secret-word@/nope?host=/nonexistent"])
                #expect(outcome.status == 5)
                #expect(outcome.errors.contains("PostgreSQL"))
                #expect(!outcome.errors.contains("secret-word"))
            }
        }

        @Test func redisThatIsNotThere() async throws {
            try await Site.with { site in
                let outcome = try site.run(
                    ["enqueue", try site.catalog(rows: 1), "--model", Program.demoModel, "--out", site.out],
                    environment: ["REDIS_URL": "redis://:secret-word@127.0.0.1:1/0"])
                #expect(outcome.status == 5)
                #expect(outcome.errors.contains("Redis"))
                #expect(!outcome.errors.contains("secret-word"))
                try expectNothingWritten(site)
            }
        }

        @Test func databaseWithoutASchema() async throws {
            try await Site.with(migrated: false) { site in
                let outcome = try enqueue(site, try site.catalog(rows: 1))
                #expect(outcome.status == 5)
                #expect(outcome.errors.contains("packshot migrate"))
            }
        }

        @Test func alteredMigration() async throws {
            try await Site.with { site in
                _ = try site.sql("UPDATE schema_migrations SET checksum = sha256('altered') WHERE version = 1")
                let outcome = try site.run(["migrate"])
                #expect(outcome.status == 5)
                #expect(outcome.errors.contains("0001"))
            }
        }

        @Test(arguments: [
            ["enqueue"], ["frobnicate"], ["status", "--no-such-option"], ["worker", "--simulate", "soon"],
        ])
        func wrongUsage(arguments: [String]) async throws {
            try await Site.with { site in
                let outcome = try site.run(arguments)
                #expect(outcome.status == 2, "\(outcome.errors)")
            }
        }

        @Test func unknownBatch() async throws {
            try await Site.with { site in
                let outcome = try site.run(["status", "no-such-batch"])
                #expect(outcome.status == 8)
                #expect(outcome.errors.contains("no-such-batch"))
            }
        }
    }
}
