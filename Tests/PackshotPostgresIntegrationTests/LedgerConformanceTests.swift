import PackshotJobs
import PackshotTestSupport
import Testing

extension LedgerTests {
    @Test(arguments: LedgerConformance.cases)
    func keepsThePromise(_ promise: ConformanceCase<LedgerFixture>) async throws {
        try await TestDatabase.with { database in
            let clock = try ServerClock(database)
            try await promise.check(
                LedgerFixture(database.ledger) {
                    try clock.advance($0)
                } now: {
                    clock.now
                })
            #expect(try database.sql("SELECT sum(abs(difference_microusd)) FROM cost_reconciliation") == ["0"])
            // These workers' time is made up, and longer than they lived.
            #expect(try database.sql("SELECT * FROM cost_faults WHERE kind <> 'outlived'") == [])
            // What the tallies keep is what a count from scratch gives.
            #expect(
                try database.sql(
                    """
                    SELECT v.* FROM batch_budgets v WHERE v.committed_microusd <> coalesce((
                        SELECT sum(CASE WHEN a.state = 'running' THEN coalesce(a.reserved_microusd, 0) ELSE a.cost_microusd END)
                        FROM attempts a WHERE a.batch_id = v.batch_id), 0)
                    """) == [])
        }
    }
}
