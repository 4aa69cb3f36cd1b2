import PackshotJobs
import PackshotTestSupport
import Testing

@Suite("The ledger in memory")
struct MemoryLedgerConformanceTests {
    @Test(arguments: LedgerConformance.cases)
    func keepsThePromise(_ promise: ConformanceCase<LedgerFixture>) async throws {
        try await promise.check(LedgerFixture(MemoryLedger()))
    }

    @Test func patterns() {
        #expect(JobSelection.matches("SKU-12", "SKU-12"))
        #expect(JobSelection.matches("SKU-12", "SKU-*"))
        #expect(JobSelection.matches("SKU-12", "*"))
        #expect(JobSelection.matches("SKU-12-red", "SKU*12*d"))
        #expect(!JobSelection.matches("SKU-12", "SKU-1"))
        #expect(!JobSelection.matches("SKU-1", "SKU-1*1"))
        #expect(!JobSelection.matches("xSKU", "SKU*"))
    }
}
