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
        // No stretch of a worker's time is charged twice.
        for (id, worker) in ledger.workers {
            let stretches = ledger.attempts.filter { $0.worker == id }.compactMap { worker.charges[$0.id] }
                .filter { $0.to > $0.from }.sorted { $0.from < $1.from }
            for (first, second) in zip(stretches, stretches.dropFirst()) { #expect(first.to <= second.from, "\(id)") }
        }
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
