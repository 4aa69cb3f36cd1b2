import Foundation
import Testing

extension IntegrationTests {
    @Suite("From catalog to pictures")
    struct SubmissionTests {
        @Test func imagesAreMadeOnceAndSayWhereTheyCameFrom() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 3)
                let submit = ["enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "mugs"]
                try #require(try site.run(submit).status == 0)
                let worker = try site.run(["worker", "--model", Program.demoModel, "--out", site.out, "--drain"])
                try #require(worker.status == 0, "\(worker.errors)")
                let files = try site.files()
                #expect(
                    files == (0..<3).map { "mugs/SKU-\($0)/SKU-\($0).main.0.png" }, "path as the design fixes it")

                // Files and rows agree, to the byte.
                for file in files {
                    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(site.out)/\(file)"))
                    let row = try site.sql(
                        "SELECT byte_count, sha256 = sha256('\\x\(bytes.map { String(format: "%02x", $0) }.joined())'::bytea) FROM images WHERE relative_path = '\(file)'"
                    )
                    #expect(row == ["\(bytes.count)|t"])
                    let text = String(decoding: bytes, as: UTF8.self)
                    #expect(text.contains("trainedAlgorithmicMedia"))
                    #expect(text.contains("Steps: "))
                }
                // Again: nothing new, nothing touched.
                let again = try site.run(submit + ["--wait"])
                #expect(again.status == 0)
                #expect(try site.count("SELECT count(*) FROM jobs") == 3)
                #expect(try site.files() == files)
            }
        }

        @Test func sameJobSameBytesWhateverTheThreadsAndTheCompany() async throws {
            try await Site.with { site in
                let prompt = "a red ceramic mug on a white background"
                func generate(_ name: String, _ threads: Int, _ images: Int) throws {
                    let outcome = try site.run([
                        "generate", "--model", Program.demoModel, "--prompt", prompt, "--seed", "7", "--steps", "4",
                        "--guidance", "2", "--threads", "\(threads)", "--images", "\(images)", "--output",
                        "\(site.folder)/\(name).png",
                    ])
                    try #require(outcome.status == 0, "\(outcome.errors)")
                }
                try generate("one", 1, 1)
                try generate("two", 2, 1)
                try generate("company", 2, 3)
                let one = try Data(contentsOf: URL(fileURLWithPath: "\(site.folder)/one.png"))
                #expect(try Data(contentsOf: URL(fileURLWithPath: "\(site.folder)/two.png")) == one)
                for index in 0..<3 {
                    #expect(FileManager.default.fileExists(atPath: "\(site.folder)/company-\(index).png"))
                }
            }
        }

        @Test func shortcutsAreWrittenIntoTheImageAndItsRow() async throws {
            try await Site.with { site in
                let shots = try site.file(
                    "shots.yaml",
                    "shots: [{name: fast, prompt: '{{title}}', steps: 12, guidance: 2, step_cache: 0.3, guidance_share: 0.5}]"
                )
                let submit = ["enqueue", try site.catalog(rows: 1), "--shots", shots, "--model", Program.demoModel]
                try #require(try site.run(submit + ["--out", site.out, "--name", "b"]).status == 0)
                let worker = try site.run(["worker", "--out", site.out, "--concurrency", "2", "--drain"])
                try #require(worker.status == 0, "\(worker.errors)")
                let path = "\(site.out)/\(try #require(try site.files().first))"
                let reused = try site.count("SELECT shortcuts->>'reusedSteps' FROM images")
                #expect((1..<12).contains(reused))
                let row = try site.sql(
                    "SELECT i.shortcuts->>'stepCache', i.shortcuts->>'guidanceShare', j.shortcuts = i.shortcuts - 'reusedSteps' FROM images i JOIN jobs j ON j.id = i.job_id"
                )
                #expect(row == ["0.3|0.5|t"])
                let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
                #expect(text.contains("Step cache: 0.3, Reused steps: \(reused), Guidance share: 0.5"))
                #expect(text.contains("\"reusedSteps\":\(reused)"))
                let again = try site.run(["verify", "--image", path, "--rerender"])
                #expect(again.status == 0, "\(again.errors)")
            }
        }

        @Test func workersShareEmbeddings() async throws {
            try await Site.with { site in
                // Four products with one and the same title: one prompt, one encoding in the whole fleet.
                let rows = (0..<4).map { "S-\($0),red ceramic mug" }
                let catalog = try site.file("same.csv", (["sku,title"] + rows).joined(separator: "\n"))
                try #require(
                    try site.run(["enqueue", catalog, "--model", Program.demoModel, "--out", site.out]).status == 0)
                let worker = ["worker", "--model", Program.demoModel, "--out", site.out, "--drain"]
                let both = try [site.start(worker), site.start(worker)]
                for one in both { #expect(try one.wait().status == 0) }
                let encoded = try site.count(
                    "SELECT count(*) FROM attempts, unnest(embedding_sources) AS source WHERE source = 'encoder'")
                #expect(encoded <= 2, "one for the prompt and at most one for the negative prompt")
                #expect(
                    try site.count("SELECT count(DISTINCT image.sha256) FROM images AS image") == 4,
                    "seeds differ by SKU")
            }
        }
    }
}
