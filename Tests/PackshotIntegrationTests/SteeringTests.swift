import Foundation
import Testing

extension IntegrationTests {
    @Suite("Steering")
    struct SteeringTests {
        /// Submits a catalog and starts one worker on it.
        private func enqueue(_ site: Site, rows: Int, _ more: String...) throws {
            let catalog = try site.catalog(rows: rows)
            let outcome = try site.run(
                ["enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "batch"] + more)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }

        private func worker(_ site: Site, pace: String, _ more: String...) throws -> RunningProgram {
            try site.start(["worker", "--simulate", pace, "--model", Program.demoModel, "--out", site.out] + more)
        }

        private func audit(_ site: Site) throws -> Program.Outcome { try site.run(["audit", "--strict"]) }

        @Test func cancelledInFlightStopsAtOnceAndLeavesNoFile() async throws {
            try await Site.with { site in
                try enqueue(site, rows: 3)
                let worker = try worker(site, pace: "60s")
                try await site.wait(upTo: 30, for: "a running attempt") {
                    try site.count("SELECT count(*) FROM jobs WHERE state = 'running'") > 0
                }
                #expect(try site.run(["cancel", "batch"]).status == 0)
                try await site.wait(upTo: 5, for: "the attempt's end") {
                    try site.count("SELECT count(*) FROM attempts WHERE state = 'running'") == 0
                }
                // An image takes a minute. How soon it stops on an idle machine, the scenario `cancelled` of ops/chaos says.
                let late = try site.count(
                    """
                    SELECT count(*) FROM attempts a JOIN jobs j ON j.id = a.job_id
                    WHERE a.finished_at - j.finished_at > interval '30 seconds'
                    """)
                #expect(late == 0)
                #expect(try site.files().isEmpty)
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'cancelled'") == 3)
                #expect(
                    try site.count("SELECT count(*) FROM attempts WHERE state = 'cancelled' AND cost_microusd > 0") >= 1
                )
                worker.signal(SIGTERM)
                #expect(try worker.wait().status == 0)
                let audited = try audit(site)
                #expect(audited.status == 0, "\(audited.output)")
                #expect(try site.run(["cost", "--reconcile"]).status == 0)
            }
        }

        /// What was cancelled before anybody met it is in the queue still: nobody's fault, and no broken rule.
        @Test func auditAfterCancelWithoutWorkersIsSound() async throws {
            try await Site.with { site in
                try enqueue(site, rows: 3)
                #expect(try site.run(["cancel", "batch"]).status == 0)
                let plain = try site.run(["audit"])
                #expect(plain.status == 0, "\(plain.output)")
                let strict = try audit(site)
                #expect(strict.status == 7 && strict.output.contains("I4"), "\(strict.output)")
            }
        }

        @Test func batchesTakeTurnsByWeight() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 300)
                func submit(_ name: String, _ more: String...) throws {
                    let outcome = try site.run(
                        [
                            "enqueue", catalog, "--model", Program.demoModel, "--out", "\(site.out)/\(name)", "--name",
                            name,
                        ]
                            + more)
                    try #require(outcome.status == 0, "\(outcome.errors)")
                }
                try submit("first")
                try submit("second", "--weight", "3")
                try submit("third", "--tenant", "acme")
                #expect(try worker(site, pace: "5ms", "--no-files", "--drain").wait().status == 0)
                // Some dozens were next in turn when the second and third came.
                let shares = try ["first", "second", "third"].map { name in
                    try site.count(
                        """
                        SELECT count(*) FROM (SELECT batch_id FROM attempts ORDER BY id OFFSET 100 LIMIT 300) a
                        JOIN batches b ON b.id = a.batch_id WHERE b.name = '\(name)'
                        """)
                }
                #expect((40...80).contains(shares[0]) && (160...200).contains(shares[1]), "\(shares)")
                #expect((40...80).contains(shares[2]), "\(shares)")
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'completed'") == 900)
                #expect(
                    try site.run(["enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--weight", "0"])
                        .status == 2)
            }
        }

        @Test func budgetIsNeverExceededByManyWorkers() async throws {
            try await Site.with { site in
                // A hundred dollars an hour: 20 ms are 556 micro-dollars, a lease of one second is 27,778.
                try enqueue(site, rows: 2_000, "--max-cost", "0.50")
                let worker = try worker(
                    site, pace: "20ms", "--concurrency", "16", "--usd-per-hour", "1600", "--lease", "1s", "--drain")
                #expect(try worker.wait().status == 0)
                let spent = try site.count("SELECT sum(cost_microusd) FROM attempts")
                #expect(spent <= 500_000)
                #expect(try site.count("SELECT count(*) FROM batches WHERE pause_reason = 'budget'") == 1)
                let made = try site.count("SELECT count(*) FROM images")
                #expect(made >= 10 && made < 2_000, "\(made) images for \(spent) micro-dollars")
                #expect(try site.run(["status", "batch"]).output.contains("budget"))

                #expect(try site.run(["resume", "batch", "--max-cost", "none"]).status == 0)
                let rest = try self.worker(site, pace: "1ms", "--drain")
                #expect(try rest.wait().status == 0)
                #expect(try site.count("SELECT count(*) FROM images") == 2_000)
                let audited = try audit(site)
                #expect(audited.status == 0, "\(audited.output)")
            }
        }

        @Test func deadLettersAreReplayedByReason() async throws {
            try await Site.with { site in
                try enqueue(site, rows: 5)
                let path = try site.sql("SELECT relative_path FROM jobs ORDER BY id LIMIT 1")[0]
                let file = URL(fileURLWithPath: "\(site.out)/\(path)")
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data("somebody else's".utf8).write(to: file)
                #expect(try worker(site, pace: "1ms", "--drain").wait().status == 0)
                let listed = try site.run(["jobs", "batch", "--where", "state=discarded"])
                #expect(listed.output.split(separator: "\n").count == 1)
                #expect(try String(contentsOf: file, encoding: .utf8) == "somebody else's")
                #expect(try audit(site).status == 7)

                try FileManager.default.removeItem(at: file)
                #expect(try site.run(["retry", "batch", "--where", "reason=no_such_reason"]).output.hasPrefix("0 "))
                #expect(try site.run(["retry", "batch", "--where", "reason=*"]).output.hasPrefix("1 "))
                #expect(try worker(site, pace: "1ms", "--drain").wait().status == 0)
                #expect(try site.files().count == 5)
                let audited = try audit(site)
                #expect(audited.status == 0, "\(audited.output)")
            }
        }

        @Test func pausedBatchesWaitAndDrainedWorkersLeave() async throws {
            try await Site.with { site in
                try enqueue(site, rows: 6)
                #expect(try site.run(["pause", "batch"]).status == 0)
                #expect(try worker(site, pace: "1ms", "--drain").wait().status == 0)
                #expect(try site.count("SELECT count(*) FROM attempts") == 0)
                #expect(try site.run(["resume", "batch"]).status == 0)
                let staying = try worker(site, pace: "1ms")
                try await site.wait(upTo: 20, for: "all images") { try site.count("SELECT count(*) FROM images") == 6 }
                #expect(try site.run(["drain", "--all"]).status == 0)
                #expect(try staying.wait().status == 0)
                #expect(try site.run(["drain", "nobody"]).status == 8)
                #expect(try site.run(["pause"]).status == 2)
                #expect(try site.run(["cancel", "batch", "--where", "colour=red"]).status == 2)
            }
        }

        @Test func workersAreListedWithWhatTheyDo() async throws {
            try await Site.with { site in
                try enqueue(site, rows: 2, "--start-at", "+1s")
                let worker = try worker(
                    site, pace: "40s", "--rate-card", "spot", "--usd-per-hour", "0.25", "--lease", "1s")
                try await site.wait(upTo: 60, for: "a job and a heartbeat with its step") {
                    try site.count("SELECT count(*) FROM attempts WHERE state = 'running' AND step > 0") > 0
                }
                let listed = try site.run(["workers", "--json"]).output
                let expected = [
                    "\"processID\" : \(worker.processID)", "\"rateCard\" : \"spot\"", "\"threads\" : 1",
                    "\"microdollarsPerHour\" : 250000", "\"kernelClass\" : \"simulated\"",
                    "\"model\" : \"packshot-tiny\"", "\"steps\" :",
                ]
                for part in expected { #expect(listed.contains(part), "\(listed)") }
                let line = try site.run(["workers"]).output
                for part in ["spot $0.25", ", step ", ".\(worker.processID)."] {
                    #expect(line.contains(part), "\(line)")
                }
                #expect(try site.run(["cancel", "batch"]).status == 0)
                worker.signal(SIGTERM)
                #expect(try worker.wait().status == 0)
            }
        }

        @Test func delayedJobsAreNeverEarly() async throws {
            try await Site.with { site in
                try enqueue(site, rows: 200, "--start-at", "+3s")
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'scheduled'") == 200)
                #expect(try worker(site, pace: "0", "--drain").wait().status == 0)
                #expect(try site.count("SELECT count(*) FROM images") == 200)
                #expect(
                    try site.count(
                        """
                        SELECT count(*) FROM attempts a JOIN jobs j ON j.id = a.job_id
                        WHERE a.started_at < j.created_at + interval '2 seconds'
                        """) == 0)
            }
        }

        @Test func auditFindsWhatIsWrong() async throws {
            try await Site.with { site in
                let manifest = "\(site.folder)/accepted.jsonl"
                try enqueue(site, rows: 4, "--manifest", manifest)
                #expect(try audit(site).status == 7, "nothing is made yet")
                #expect(try worker(site, pace: "1ms", "--drain").wait().status == 0)
                let sound = try site.run(["audit", "--strict", "--manifest", manifest])
                #expect(sound.status == 0, "\(sound.output)")
                #expect(sound.output.contains("4 accepted"))

                let image = "\(site.out)/" + (try site.sql("SELECT relative_path FROM images LIMIT 1")[0])
                let bytes = try Data(contentsOf: URL(fileURLWithPath: image))
                var damaged = bytes
                damaged[damaged.count / 2] ^= 1
                try damaged.write(to: URL(fileURLWithPath: image))
                let broken = try audit(site)
                #expect(broken.status == 7 && broken.output.contains(image))
                try bytes.write(to: URL(fileURLWithPath: image))

                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(site.out)/batch/stray.png"))
                let stray = try audit(site)
                #expect(stray.status == 7 && stray.output.contains("stray.png"))
                try FileManager.default.removeItem(atPath: "\(site.out)/batch/stray.png")

                let text = try String(contentsOfFile: manifest, encoding: .utf8)
                let first = try #require(text.split(separator: "\n").first)
                let lost = first.replacing(
                    /"key":"[0-9a-f]{64}"/, with: "\"key\":\"\(String(repeating: "0", count: 64))\"")
                try (text + lost + "\n").write(toFile: manifest, atomically: true, encoding: .utf8)
                let missing = try site.run(["audit", "--manifest", manifest])
                #expect(missing.status == 7 && missing.output.contains("I7"))

                _ = try site.sql("UPDATE attempts SET cost_microusd = cost_microusd + 1 WHERE id = 1")
                let money = try audit(site)
                #expect(money.status == 7 && money.output.contains("I3"))
            }
        }
    }
}
