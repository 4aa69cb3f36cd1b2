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

        /// One pair of braces instead of two would be the same prompt for every product.
        @Test(arguments: ["{title} in {color}", "${title}", "{% if color %}{{title}}{% endif %}", "[color] <title>"])
        func placeholdersOfOtherTools(prompt: String) async throws {
            try await Site.with { site in
                let catalog = try site.file("catalog.csv", "sku,title,color\nS-1,Red mug,red\n")
                let shots = try site.file("shots.yaml", "shots:\n  - name: main\n    prompt: '\(prompt)'\n")
                let outcome = try site.run([
                    "enqueue", catalog, "--shots", shots, "--model", Program.demoModel, "--out", site.out,
                ])
                #expect(outcome.status == 4, "\(outcome.errors)")
                #expect(outcome.errors.contains("shots.yaml: line 3: shot \"main\", key prompt: "), "\(outcome.errors)")
                #expect(outcome.errors.contains("{{"), "\(outcome.errors)")
                try expectNothingWritten(site)
            }
        }

        /// A catalog is read more than once; a pipe gives it once.
        @Test func catalogsFromPipes() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 2)
                let rest = "--model \(Program.demoModel) --out \(site.out)"
                for (number, line) in [
                    "$packshot enqueue - \(rest) --name a < \(catalog)",
                    "cat \(catalog) | $packshot enqueue - \(rest) --name b",
                    "cat \(catalog) | $packshot enqueue /dev/stdin \(rest) --name c",
                    "$packshot enqueue <(cat \(catalog)) \(rest) --name d",
                    "mkfifo \(site.folder)/p; cat \(catalog) > \(site.folder)/p & $packshot enqueue \(site.folder)/p \(rest) --name e",
                ].enumerated() {
                    let outcome = try site.shell(line)
                    #expect(outcome.status == 0, "\(line): \(outcome.errors)")
                    #expect(outcome.errors.contains("2 products, 2 images"), "\(outcome.errors)")
                    #expect(try site.count("SELECT count(*) FROM batches") == number + 1)
                }
                let nameless = try site.shell("cat \(catalog) | $packshot enqueue - \(rest)")
                #expect(nameless.status == 2)
                #expect(nameless.errors.contains("--name"))
                let nothing = try site.shell("$packshot enqueue - \(rest) --name z < /dev/null")
                #expect(nothing.status == 4)
                #expect(nothing.errors.contains("standard input: is empty"), "\(nothing.errors)")
            }
        }

        @Test func outputFoldersThatCannotBe() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 1)
                let file = try site.file("file", "")
                for (out, mention) in [
                    ("/proc/nope", "cannot be made"), (file, "is a file"), ("\(file)/x/y", "Not a directory"),
                ] {
                    let outcome = try site.run(["enqueue", catalog, "--model", Program.demoModel, "--out", out])
                    #expect(outcome.status == 4, "\(out): \(outcome.errors)")
                    #expect(outcome.errors.contains("--out \(out): "), "\(outcome.errors)")
                    #expect(outcome.errors.contains(mention), "\(outcome.errors)")
                    try expectNothingWritten(site)
                }
                // A folder of another machine: nothing of it is here.
                let elsewhere = try site.run(
                    [
                        "enqueue", catalog, "--model", Program.demoModel, "--out", "\(site.folder)/mnt/nas/images",
                        "--name", "n",
                    ])
                #expect(elsewhere.status == 0, "\(elsewhere.errors)")
                #expect(!FileManager.default.fileExists(atPath: "\(site.folder)/mnt"), "looking leaves nothing behind")
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
