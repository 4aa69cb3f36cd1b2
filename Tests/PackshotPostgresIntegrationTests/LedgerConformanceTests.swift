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
            // What the trigger keeps is what a count from scratch gives.
            #expect(
                try database.sql(
                    """
                    SELECT b.id FROM batches b WHERE b.budget_microusd IS NOT NULL AND b.committed_microusd <> coalesce((
                        SELECT sum(CASE WHEN a.state = 'running' THEN a.reserved_microusd ELSE a.cost_microusd END)
                        FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE j.batch_id = b.id), 0)
                    """) == [])
        }
    }
}
