import Foundation
import Testing

extension IntegrationTests {
    @Suite("Workers that die")
    struct KillTests {
        /// A worker with a short lease, so that a test sees it run out.
        static func worker(_ site: Site, _ more: String...) throws -> RunningProgram {
            try site.start(
                ["worker", "--simulate", "150ms", "--model", Program.demoModel, "--out", site.out, "--lease", "4s"]
                    + more)
        }

        @Test func threeKillsInFortyJobsLoseNothingAndMakeNothingTwice() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 40)
                let enqueued = try site.run([
                    "enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "kills",
                ])
                try #require(enqueued.status == 0, "\(enqueued.errors)")

                for kill in 1...3 {
                    let victim = try Self.worker(site)
                    try await site.wait(upTo: 30, for: "a running attempt and progress since the last kill") {
                        try site.count("SELECT count(*) FROM images") >= kill * 4
                            && site.count("SELECT count(*) FROM jobs WHERE state = 'running'") > 0
                    }
                    victim.signal(SIGKILL)
                    #expect(try victim.wait().status == 128 + SIGKILL)
                }
                let last = try Self.worker(site, "--drain").wait()
                #expect(last.status == 0, "\(last.errors)")

                #expect(try site.files().count == 40)
                #expect(try site.count("SELECT count(*) FROM images") == 40)
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'completed'") == 40)
                #expect(try site.count("SELECT count(*) FROM attempts WHERE state = 'completed'") == 40)
                let lost = try site.count("SELECT count(*) FROM attempts WHERE state = 'lost'")
                // A worker holds at most one job in the sampler, one ahead of it, and four on their way to the disk and the ledger.
                #expect(lost >= 1 && lost <= 18, "\(lost) attempts lost in three kills")
                #expect(
                    try site.count("SELECT count(*) FROM attempts WHERE state = 'lost' AND cost_microusd > 0") >= 1,
                    "waste has its cost")
                #expect(try site.files().filter { $0.hasSuffix(".tmp") }.isEmpty)
            }
        }

        @Test func terminatedWorkerFinishesOrHandsBackAndExitsZero() async throws {
            try await Site.with { site in
                let catalog = try site.catalog(rows: 12)
                _ = try site.run(["enqueue", catalog, "--model", Program.demoModel, "--out", site.out])
                let worker = try Self.worker(site)
                try await site.wait(upTo: 30, for: "two images and a running attempt") {
                    try site.count("SELECT count(*) FROM images") >= 2
                        && site.count("SELECT count(*) FROM jobs WHERE state = 'running'") > 0
                }
                worker.signal(SIGTERM)
                #expect(try worker.wait().status == 0)
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'running'") == 0)
                #expect(
                    try site.count("SELECT count(*) FROM jobs WHERE state = 'available' AND attempt > 0") == 0,
                    "a job handed back has its attempt not counted")
                #expect(try site.files().count == site.count("SELECT count(*) FROM images"))
                #expect(try site.count("SELECT count(*) FROM attempts WHERE state = 'lost'") == 0)
                #expect(try Self.worker(site, "--drain").wait().status == 0)
                #expect(try site.count("SELECT count(*) FROM images") == 12)
            }
        }
    }
}
