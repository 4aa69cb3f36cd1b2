import Foundation
import PackshotJobs
import PackshotTestSupport
import Synchronization
import Testing

@Suite("The ledger in memory")
struct MemoryLedgerConformanceTests {
    @Test(arguments: LedgerConformance.cases)
    func keepsThePromise(_ promise: ConformanceCase<LedgerFixture>) async throws {
        let clock = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
        let ledger = MemoryLedger { clock.withLock { $0 } }
        try await promise.check(
            LedgerFixture(ledger) { duration in
                clock.withLock { $0 += duration / .seconds(1) }
            } now: {
                clock.withLock { $0 }
            })
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
