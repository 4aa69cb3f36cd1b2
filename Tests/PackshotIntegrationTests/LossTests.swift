import Foundation
import Testing

extension IntegrationTests {
    @Suite("Losing Redis and redoing images")
    struct LossTests {
        @Test func aWipedQueueIsRebuiltFromTheLedger() async throws {
            try await Site.with { site in
                let enqueued = try site.run([
                    "enqueue", try site.catalog(rows: 30), "--model", Program.demoModel, "--out", site.out,
                ])
                try #require(enqueued.status == 0, "\(enqueued.errors)")
                try site.wipeRedis()
                let reconciled = try site.run(["reconcile", "--json"])
                #expect(reconciled.output.contains("\"dispatched\" : 30"), "\(reconciled.output)\(reconciled.errors)")
                try site.wipeRedis()
                let worker = try site.run([
                    "worker", "--simulate", "5ms", "--model", Program.demoModel, "--out", site.out, "--drain",
                ])
                #expect(worker.status == 0, "\(worker.errors)")
                #expect(try site.count("SELECT count(*) FROM images") == 30, "workers rebuild it by themselves")
                #expect(try site.files().count == 30)
                #expect(try site.count("SELECT count(*) FROM attempts") == 30)
            }
        }

        @Test func anImageIsFoundInTheLedgerAndMadeAgain() async throws {
            try await Site.with { site in
                _ = try site.run([
                    "enqueue", try site.catalog(rows: 1), "--model", Program.demoModel, "--out", site.out,
                ])
                _ = try site.run(["worker", "--drain", "--threads", "1"])
                let image = "\(site.out)/\(try #require(try site.files().first))"
                #expect(try site.run(["verify", "--image", image]).output.contains("SKU-0"))
                #expect(try site.run(["verify", "--image", image, "--rerender"]).status == 0)
                var bytes = try Data(contentsOf: URL(fileURLWithPath: image))
                bytes[bytes.count - 20] ^= 1
                try bytes.write(to: URL(fileURLWithPath: image))
                #expect(try site.run(["verify", "--image", image]).status == 8)
                #expect(try site.run(["verify", "--image", image, "--rerender"]).status == 7)
                let cost = try site.run(["cost", "--reconcile", "--json"])
                #expect(cost.status == 0 && cost.output.contains("\"difference\" : 0"))
            }
        }
    }
}
