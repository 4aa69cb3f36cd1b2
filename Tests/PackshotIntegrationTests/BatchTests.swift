import Foundation
import Testing

extension IntegrationTests {
    /// What a person is told of a batch, and how they name it.
    @Suite("Batches")
    struct BatchTests {
        private func enqueue(_ site: Site, _ arguments: [String]) throws -> Program.Outcome {
            try site.run(["enqueue"] + arguments + ["--model", Program.demoModel])
        }

        @Test func promptsThatAreCutAreToldBeforeAndAfter() async throws {
            try await Site.with { site in
                let long = Array(repeating: "thrown by hand and glazed twice", count: 60).joined(separator: ", ")
                let catalog = try site.file(
                    "long.csv", "sku,title,description\nLP-1,Red mug,\"\(long)\"\nLP-2,Blue mug,short\n")
                let shots = try site.file(
                    "shots.yaml",
                    "shots: [{name: main, prompt: '{{title}}. {{description}}. Standing on a wooden table', steps: 2, guidance: 1}]"
                )
                let batch = [catalog, "--shots", shots, "--out", site.out, "--name", "long"]
                let told = try enqueue(site, batch)
                try #require(told.status == 0, "\(told.errors)")
                for mention in ["1 of 2 images", "will be cut", "SKU LP-1, shot main", "Standing on a wooden table"] {
                    #expect(told.errors.contains(mention), "\(told.errors)")
                }
                struct Report: Decodable {
                    struct Cut: Decodable {
                        let images: Int
                        let of: Int
                        let sku: String
                        let tokens: Int
                        let maximumTokens: Int
                        let lost: String
                    }
                    let cutPrompts: Cut?
                    let warnings: [String]
                }
                let again = try enqueue(site, batch + ["--json"])
                let report = try JSONDecoder().decode(Report.self, from: Data(again.output.utf8))
                let cut = try #require(report.cutPrompts)
                #expect(cut.images == 1 && cut.of == 2 && cut.sku == "LP-1" && cut.tokens > cut.maximumTokens)
                #expect(cut.lost.hasSuffix("Standing on a wooden table"))
                #expect(report.warnings.count == 1)

                let worker = try site.run(["worker", "--model", Program.demoModel, "--out", site.out, "--drain"])
                try #require(worker.status == 0, "\(worker.errors)")
                let status = try site.run(["status", "long"])
                #expect(status.output.contains("prompts that were cut"), "\(status.output)")
                struct Status: Decodable { let cutPrompts: Int }
                let json = try site.run(["status", "long", "--json"])
                #expect(try JSONDecoder().decode(Status.self, from: Data(json.output.utf8)).cutPrompts == 1)
                #expect(try site.count("SELECT count(*) FROM images WHERE prompt_tokens_used < prompt_tokens") == 1)
            }
        }

        @Test func aNameOfTwoBatchesIsRefusedWithTheChoices() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 1)
                let (one, two) = ("\(site.folder)/one", "\(site.folder)/two")
                for out in [one, two] {
                    try #require(try enqueue(site, [catalog, "--out", out, "--name", "same"]).status == 0)
                }
                for command in [
                    ["status", "same"], ["status", "same", "--json"], ["cost", "same"], ["pause", "same"],
                    ["resume", "same"],
                    ["cancel", "same"], ["retry", "same"], ["jobs", "same"],
                    ["contact-sheet", "same", "--output", "\(site.folder)/sheet.png"],
                ] {
                    let outcome = try site.run(command)
                    #expect(outcome.status == 2, "\(command): \(outcome.errors)")
                    #expect(outcome.errors.contains("number 1 in \(one)"), "\(command): \(outcome.errors)")
                    #expect(outcome.errors.contains("number 2 in \(two)"), "\(command): \(outcome.errors)")
                }
                #expect(try site.count("SELECT count(*) FROM batches WHERE paused_at IS NOT NULL") == 0)
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'cancelled'") == 0)
                #expect(try site.run(["pause", "same", "--out", one]).status == 0)
                #expect(try site.sql("SELECT id FROM batches WHERE paused_at IS NOT NULL") == ["1"])
                #expect(try site.run(["cancel", "2"]).status == 0)
                #expect(try site.sql("SELECT batch_id FROM jobs WHERE state = 'cancelled'") == ["2"])
                #expect(try site.run(["status", "same", "--out", "\(site.folder)/three"]).status == 8)
            }
        }

        @Test func waitingSaysThatNoWorkerServesTheModelAndWhenABatchBegins() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 1)
                let waiting = try site.start([
                    "enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "w", "--wait",
                ])
                try await site.wait(upTo: 60, for: "the hint at a worker") {
                    waiting.errorsSoFar.contains("no worker serves this model yet: packshot worker --model")
                }
                #expect(try site.run(["status", "w"]).output.contains("no worker serves this model yet"))
                #expect(try site.run(["status"]).output.contains("no worker serves this model yet"))
                try #require(
                    try site.run(["worker", "--model", Program.demoModel, "--out", site.out, "--drain"]).status == 0)
                #expect(try waiting.wait().status == 0)

                let other = try site.file("other.csv", "sku,title\nL-1,blue ceramic mug\n")
                let later = try enqueue(
                    site, [other, "--out", site.out, "--name", "later", "--start-at", "2099-01-05T06:00:00Z"])
                try #require(later.status == 0)
                #expect(try site.run(["status", "later"]).output.contains("begins 2099-01-05T06:00:00Z"))
            }
        }

        @Test func aJobsImageIsMadeFromItsRowWithoutTheFleet() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 2)
                let shots = try site.file(
                    "shots.yaml",
                    "shots: [{name: main, prompt: '{{title}}', negative_prompt: blurry, steps: 3, guidance: 2, step_cache: 0.2}]"
                )
                try #require(
                    try enqueue(site, [catalog, "--shots", shots, "--out", site.out, "--name", "b"]).status == 0)
                func generate(_ job: Int, _ rest: [String] = []) throws -> Program.Outcome {
                    try site.run(["generate", "--job", "\(job)", "--output", "\(site.folder)/job-\(job).png"] + rest)
                }
                // Before anybody has begun it.
                let early = try generate(1)
                try #require(early.status == 0, "\(early.errors)")
                let before = try site.sql("SELECT id, state, attempt FROM jobs ORDER BY id")
                #expect(before == ["1|available|0", "2|available|0"])
                try #require(
                    try site.run(["worker", "--model", Program.demoModel, "--out", site.out, "--drain"]).status == 0)
                try #require(try generate(2).status == 0)
                for job in [1, 2] {
                    let path = try #require(
                        try site.sql("SELECT relative_path FROM images WHERE job_id = \(job)").first)
                    let made = try Data(contentsOf: URL(fileURLWithPath: "\(site.out)/\(path)"))
                    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(site.folder)/job-\(job).png")) == made)
                }
                #expect(try site.count("SELECT count(*) FROM attempts") == 2, "the job is only read")

                let other = try generate(1, ["--model", "\(Program.repository)/ops/demo/packshot-tiny-distilled"])
                #expect(other.status == 4, "\(other.errors)")
                #expect(other.errors.contains("job 1 is for the model"), "\(other.errors)")
                #expect(try generate(99).status == 8)
                #expect(try generate(1, ["--seed", "3"]).status == 2)
                #expect(try generate(1, ["--prompt", "a mug"]).status == 2)
            }
        }
    }
}
