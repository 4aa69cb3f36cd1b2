import Foundation
import Testing

extension IntegrationTests {
    @Suite("Weights overwritten under a worker")
    struct WeightTests {
        /// What is recorded as an old checkpoint's was made with it; the worker ends and names the file, and nothing is charged to
        /// the jobs.
        @Test func noImageIsRecordedUnderTheWrongFingerprint() async throws {
            try await Site.with { site in
                let model = "\(site.folder)/packshot-tiny"
                try FileManager.default.copyItem(atPath: Program.demoModel, toPath: model)
                let enqueued = try site.run([
                    "enqueue", try site.catalog(rows: 40), "--model", model, "--out", site.out,
                ])
                try #require(enqueued.status == 0, "\(enqueued.errors)")
                let worker = try site.start(["worker", "--model", model, "--threads", "1", "--concurrency", "1"])
                defer { worker.signal(SIGKILL) }
                try await site.wait(upTo: 120, for: "the first image") {
                    try site.count("SELECT count(*) FROM images") > 0
                }
                // In place, as `cat other > file` does: whoever maps the file has the new bytes at once.
                let weights = "\(model)/transformer/diffusion_pytorch_model.safetensors"
                let other = try Data(
                    contentsOf: URL(
                        fileURLWithPath:
                            "\(Program.demoModel)-distilled/transformer/diffusion_pytorch_model.safetensors"))
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: weights))
                try handle.write(contentsOf: other)
                try handle.close()
                let end = try worker.wait()
                #expect(end.status == 4 && end.errors.contains(weights), "\(end.errors)")
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'available' AND attempt = 0") > 0)
                #expect(
                    try site.count("SELECT count(*) FROM jobs WHERE state NOT IN ('available', 'completed')") == 0)
                for file in try site.files() {
                    let verified = try site.run([
                        "verify", "--image", "\(site.out)/\(file)", "--rerender", "--model", Program.demoModel,
                    ])
                    #expect(verified.status == 0, "\(verified.errors)")
                }
            }
        }
    }
}
