import Foundation
import Testing

extension IntegrationTests {
    @Suite("Looking at checkpoints")
    struct ModelTests {
        @Test func aGoodCheckpointIsDescribed() async throws {
            try await Site.with { site in
                let outcome = try site.run(["model", "inspect", Program.demoModel, "--json"])
                #expect(outcome.status == 0, "\(outcome.output)")
                #expect(outcome.output.contains("\"pipelineClass\" : \"PRXPixelPipeline\""))
                #expect(outcome.output.contains("\"problems\" : [\n\n  ]"))
                let generated = try site.run([
                    "generate", "--model", Program.demoModel, "--prompt", "x", "--steps", "1", "--output",
                    "\(site.folder)/x.png", "--json",
                ])
                let line = try #require(outcome.output.split(separator: "\n").first { $0.contains("\"fingerprint\"") })
                let fingerprint = try #require(line.split(separator: "\"").last { $0.count == 64 })
                #expect(generated.output.contains(fingerprint), "images carry the same fingerprint")
            }
        }

        @Test func everyProblemIsListed() async throws {
            try await Site.with { site in
                let copy = "\(site.folder)/model"
                try FileManager.default.copyItem(atPath: Program.demoModel, toPath: copy)
                try FileManager.default.removeItem(atPath: "\(copy)/text_encoder/model.safetensors")
                try Data("{\"depth\": 7, \"hidden_size\": 256, \"num_heads\": 4}".utf8).write(
                    to: URL(fileURLWithPath: "\(copy)/transformer/config.json"))
                let outcome = try site.run(["model", "inspect", copy])
                #expect(outcome.status == 4)
                #expect(outcome.output.contains("text_encoder") && outcome.output.contains("blocks.6."))
            }
        }

        @Test func filesAreComparedWithTheirSums() async throws {
            try await Site.with { site in
                let copy = "\(site.folder)/model"
                try FileManager.default.copyItem(atPath: Program.demoModel, toPath: copy)
                let sums = try site.run(["model", "verify", copy])
                #expect(sums.status == 0)
                try Data(sums.output.utf8).write(to: URL(fileURLWithPath: "\(copy)/SHA256SUMS"))
                #expect(try site.run(["model", "verify", copy]).status == 0)
                try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(copy)/scheduler/scheduler_config.json"))
                let changed = try site.run(["model", "verify", copy])
                #expect(changed.status == 7)
                #expect(changed.errors.contains("scheduler/scheduler_config.json"))
            }
        }
    }
}
