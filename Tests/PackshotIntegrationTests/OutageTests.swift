import Foundation
import Testing

extension IntegrationTests {
    /// Ledgers and models come and go; workers stay.
    @Suite("Outages")
    struct OutageTests {
        /// A worker that serves whatever batches there are and waits for one while PostgreSQL crashes and comes back.
        @Test func anIdleWorkerOutlivesACrashOfItsLedger() async throws {
            try await PrivatePostgres.with([]) { postgres in
                try await Site.with(migrated: false) { site in
                    let ledger = ["DATABASE_URL": postgres.url]
                    try #require(try site.run(["migrate"], environment: ledger).status == 0)
                    let worker = try site.start(["worker", "--simulate", "5ms"], environment: ledger)
                    defer { worker.signal(SIGKILL) }
                    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'packshot'"
                    try await site.wait(upTo: 60, for: "the worker asks the ledger") {
                        try site.sql(sessions, on: postgres.url) != ["0"]
                    }
                    try postgres.crash()
                    try await site.wait(upTo: 60, for: "the worker notices") {
                        worker.errorsSoFar.contains("cannot ask for work; trying again")
                    }
                    #expect(worker.isRunning)
                    try postgres.start()
                    let enqueued = try site.run(
                        [
                            "enqueue", try site.catalog(rows: 5), "--model", Program.demoModel, "--out", site.out,
                            "--wait",
                        ], environment: ledger)
                    #expect(enqueued.status == 0, "\(enqueued.errors)\(worker.errorsSoFar)")
                    #expect(try site.files().count == 5)
                    worker.signal(SIGTERM)
                    #expect(try worker.wait().status == 0)
                }
            }
        }

        /// One batch's model is gone, another's holds other weights: the third is made, and the first when its model is back.
        @Test func aModelThatCannotBeOpenedIsLeftOut() async throws {
            try await Site.with { site in
                let gone = "\(site.folder)/gone"
                try FileManager.default.copyItem(atPath: Program.demoModel, toPath: gone)
                // Another model: a scheduler's setting is part of what decides the bytes.
                let settings = "\(gone)/scheduler/scheduler_config.json"
                let text = try String(contentsOfFile: settings, encoding: .utf8)
                try text.replacingOccurrences(of: "\"shift\": 3.0", with: "\"shift\": 2.0").write(
                    toFile: settings, atomically: true, encoding: .utf8)
                func enqueue(_ model: String, _ name: String) throws {
                    let outcome = try site.run([
                        "enqueue", try site.catalog(rows: 3), "--model", model, "--out", "\(site.out)/\(name)",
                        "--name",
                        name,
                    ])
                    try #require(outcome.status == 0, "\(outcome.errors)")
                }
                try enqueue(gone, "first")
                try enqueue(Program.demoModel, "second")
                try FileManager.default.moveItem(atPath: gone, toPath: "\(gone)-away")

                let drained = try site.run(["worker", "--simulate", "5ms", "--drain"])
                #expect(try site.count("SELECT count(*) FROM images") == 3, "the other batch is made")
                #expect(drained.status == 4 && drained.errors.contains("jobs of \(gone) are left"), "\(drained.errors)")

                let worker = try site.start(["worker", "--simulate", "5ms"])
                defer { worker.signal(SIGKILL) }
                try await site.wait(upTo: 60, for: "it says what it leaves out") {
                    worker.errorsSoFar.contains("a model cannot be served")
                }
                try enqueue(Program.demoModel, "third")
                try await site.wait(upTo: 60, for: "others are served meanwhile") {
                    try site.count("SELECT count(*) FROM images") == 6
                }
                #expect(try site.count("SELECT count(*) FROM attempts") == 6, "nothing is charged to what waits")
                try FileManager.default.moveItem(atPath: "\(gone)-away", toPath: gone)
                try await site.wait(upTo: 60, for: "what is back is served") {
                    try site.count("SELECT count(*) FROM images") == 9
                }
                worker.signal(SIGTERM)
                #expect(try worker.wait().status == 0)
            }
        }

        /// Workers that want three times the connections there are: those that get all of theirs work, the others hold none.
        @Test func moreWorkersThanConnections() async throws {
            try await PrivatePostgres.with(["max_connections=14", "superuser_reserved_connections=1"]) { postgres in
                try await Site.with(migrated: false) { site in
                    let ledger = ["DATABASE_URL": postgres.url]
                    try #require(try site.run(["migrate"], environment: ledger).status == 0)
                    let enqueued = try site.run(
                        ["enqueue", try site.catalog(rows: 60), "--model", Program.demoModel, "--out", site.out],
                        environment: ledger)
                    try #require(enqueued.status == 0, "\(enqueued.errors)")
                    let workers = try (0..<8).map { _ in
                        try site.start(
                            [
                                "worker", "--simulate", "20ms", "--model", Program.demoModel, "--drain", "--lease",
                                "2s",
                            ], environment: ledger)
                    }
                    defer { for worker in workers { worker.signal(SIGKILL) } }
                    try await site.wait(upTo: 120, for: "all images") { try site.files().count == 60 }
                    let outcomes = try workers.map { try $0.wait() }
                    // Who did not get the very first connection has said so and ended; nobody else.
                    #expect(outcomes.allSatisfy { [0, 5].contains($0.status) }, "\(outcomes.map(\.errors))")
                    #expect(outcomes.contains { $0.errors.contains("not claiming until all connections can be made") })
                    #expect(
                        try site.sql(
                            "SELECT state, count(*) FROM attempts GROUP BY 1", on: postgres.url) == ["completed|60"])
                }
            }
        }
    }
}
