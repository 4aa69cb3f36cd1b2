import Foundation
import Testing

extension IntegrationTests {
    @Suite("Budgets")
    struct BudgetTests {
        /// A folder for each batch: an image of one folder is made once.
        private func folder(_ site: Site, _ batch: String) -> String { "\(site.out)/\(batch)" }

        private func enqueue(_ site: Site, _ name: String, rows: Int, _ more: String...) throws {
            let catalog = try site.catalog(rows: rows, name: "\(name).csv")
            let outcome = try site.run(
                ["enqueue", catalog, "--model", Program.demoModel, "--out", folder(site, name), "--name", name] + more)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }

        private func work(_ site: Site, pace: String, _ more: String...) throws {
            let outcome = try site.run(
                [
                    "worker", "--simulate", pace, "--model", Program.demoModel, "--lease", "1s", "--concurrency", "1",
                    "--drain",
                ] + more)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }

        private func expectSound(_ site: Site) throws {
            let books = try site.run(["cost", "--reconcile"])
            #expect(books.status == 0, "\(books.output) \(books.errors)")
            let audited = try site.run(["audit", "--strict"])
            #expect(audited.status == 0, "\(audited.output)")
        }

        /// The sampler itself: a large image is three hundred times the work of a small one.
        @Test func smallAndLargeImagesOfOneCatalogAreAllMade() async throws {
            try await Site.with { site in
                let shots = try site.file(
                    "shots.yaml",
                    """
                    shots:
                      - {name: small, prompt: "{{title}}", size: 32x32, steps: 1, guidance: 1}
                      - {name: large, prompt: "{{title}}", size: 128x128, steps: 10, guidance: 2}

                    """)
                try enqueue(site, "mixed", rows: 2, "--shots", shots, "--max-cost", "5", "--max-attempts", "1")
                let worker = try site.run(
                    [
                        "worker", "--model", Program.demoModel, "--threads", "1", "--concurrency", "1", "--lease", "2s",
                        "--drain",
                    ])
                #expect(worker.status == 0, "\(worker.errors)")
                #expect(
                    try site.sql("SELECT state, count(*) FROM jobs GROUP BY 1") == ["completed|4"], "\(worker.errors)")
                try expectSound(site)
            }
        }

        /// A cheap machine, then one a thousand times as dear.
        @Test func aDearWorkerAfterACheapOneMakesItsImages() async throws {
            try await Site.with { site in
                try enqueue(site, "cheap", rows: 3, "--max-cost", "5", "--max-attempts", "1")
                try work(site, pace: "20ms", "--usd-per-hour", "0.01")
                try enqueue(site, "dear", rows: 3, "--max-cost", "5", "--max-attempts", "1")
                try work(site, pace: "20ms", "--usd-per-hour", "10")
                #expect(try site.sql("SELECT state, count(*) FROM jobs GROUP BY 1") == ["completed|6"])
                #expect(try site.sql("SELECT state, count(*) FROM attempts GROUP BY 1") == ["completed|6"])
                try expectSound(site)
            }
        }

        /// Images of 20 milliseconds, then some of three seconds of the same work: more is set aside while they are made.
        @Test func imagesThatCostMoreThanExpectedAreMadeAllTheSame() async throws {
            try await Site.with { site in
                try enqueue(site, "quick", rows: 3)
                try work(site, pace: "20ms")
                try enqueue(site, "slow", rows: 2, "--max-cost", "5", "--max-attempts", "1")
                try work(site, pace: "3s")
                #expect(try site.sql("SELECT state, count(*) FROM jobs GROUP BY 1") == ["completed|5"])
                // Three seconds are more than one and a half times 20 milliseconds and a lease.
                #expect(try site.count("SELECT count(*) FROM attempts WHERE reserved_microusd > 0") == 2)
                try expectSound(site)
            }
        }

        /// A dollar a second, images of three seconds, and two dollars: what is begun is given back, the batch waits for money, and
        /// nothing of it is lost.
        @Test func whatTheBudgetCannotPayForIsGivenBackUncountedAndTheBatchPaused() async throws {
            try await Site.with { site in
                try enqueue(site, "quick", rows: 1)
                try work(site, pace: "20ms")
                try enqueue(site, "slow", rows: 1, "--max-cost", "2", "--max-attempts", "1")
                try work(site, pace: "3s", "--usd-per-hour", "3600")
                #expect(try site.sql("SELECT state, attempt FROM jobs WHERE batch_id = 2") == ["available|0"])
                let stopped = try site.sql(
                    "SELECT state, error_code, resulting_state FROM attempts WHERE batch_id = 2")
                #expect(stopped == ["handed_back|over_budget|available"])
                #expect(try site.count("SELECT spent_microusd FROM batch_budgets WHERE batch_id = 2") < 2_000_000)
                let status = try site.run(["status", "slow"])
                #expect(status.output.contains("the next image has to set $"), "\(status.output)")
                let catalog = try site.catalog(rows: 1, name: "slow.csv")
                let waited = try site.run([
                    "enqueue", catalog, "--model", Program.demoModel, "--out", folder(site, "slow"), "--name", "slow",
                    "--wait",
                ])
                #expect(waited.status == 6, "\(waited.errors)")

                #expect(try site.run(["resume", "slow", "--max-cost", "60"]).status == 0)
                try work(site, pace: "3s", "--usd-per-hour", "3600")
                #expect(try site.sql("SELECT state, count(*) FROM jobs GROUP BY 1") == ["completed|2"])
                try expectSound(site)
            }
        }

        /// Each of seven attempts is charged from where its predecessor was: the sums telescope as before.
        @Test func reconciliationFailsWhenTimeIsChargedTwice() async throws {
            try await Site.with { site in
                try enqueue(site, "batch", rows: 8)
                try work(site, pace: "50ms", "--usd-per-hour", "36")
                try expectSound(site)
                _ = try site.sql(
                    """
                    UPDATE attempts SET busy_from_us = v.earlier, cost_microusd = span_cost(v.earlier, v.busy_to_us, v.rate)
                    FROM (SELECT a.id, a.busy_to_us, r.microusd_per_hour AS rate,
                                 lag(a.busy_from_us) OVER (PARTITION BY a.worker_id ORDER BY a.busy_from_us) AS earlier
                          FROM attempts a JOIN rate_cards r ON r.id = a.rate_card_id) v
                    WHERE v.id = attempts.id AND v.earlier IS NOT NULL
                    """)
                let books = try site.run(["cost", "--reconcile"])
                #expect(books.status == 7)
                let worker = try site.sql("SELECT id FROM workers")[0]
                let pairs = try site.sql(
                    "SELECT lag(id) OVER w || ' and ' || id FROM attempts WINDOW w AS (ORDER BY busy_to_us) OFFSET 1")
                #expect(pairs.count == 7)
                for pair in pairs {
                    #expect(
                        books.output.contains("worker \(worker): attempts \(pair) are both charged"), "\(books.output)")
                }
                let json = try site.run(["cost", "--reconcile", "--json"])
                #expect(json.status == 7 && json.output.contains("\"chargedTwice\""))
            }
        }
    }
}
