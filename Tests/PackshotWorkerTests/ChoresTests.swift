import Foundation
import Logging
import PackshotJobs
import PackshotWorker
import Synchronization
import Testing

@Suite("Chores")
struct ChoresTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A worker wrote the file of a job and died with the job's last attempt; whoever looks first, `packshot reconcile` or a
    /// worker, takes the file away with the job.
    @Test func whatAReconciliationDiscardsLeavesNoFile() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let date = Mutex(Date())
        let fleet = try await MemoryFleet(jobs: 1, maxAttempts: 1, ledger: MemoryLedger(now: { date.withLock { $0 } }))
        let ledger = fleet.ledger
        let dead = WorkerID(rawValue: "dead")
        try await ledger.register(
            WorkerRegistration(
                id: dead, host: "h", processID: 2, version: "0", threads: 1, kernelClass: "k", model: fleet.model,
                rateCard: RateCard(name: "default", perHour: MicroDollars(rawValue: 100_000))))
        let job = try #require(await ledger.confirm(ledger.jobs.map(\.id), by: dead, lease: .seconds(1)).first)
        let bytes = try ImageComposer(model: fleet.model, version: "0").png(
            width: 1, height: 1, rgb: [1, 2, 3], spec: job.spec, reusedSteps: 0, effectivePrompt: "p",
            origin: ImageProvenance.Origin(job, ledger: nil))
        try ImageFileStore().write(bytes, to: job.relativePath, in: folder.path)
        let chores = Chores(
            ledger: ledger, of: nil, queue: fleet.queue, files: ImageFileStore(), outputRoot: folder.path, logger: quiet
        )
        // The ledger is seen alive all the time: a lease ends by nothing else.
        for _ in 0..<10 {
            date.withLock { $0 += 1 }
            try await chores.reconcile(model: fleet.model.fingerprint, grace: .zero)
        }
        #expect(ledger.jobs.map(\.machine.state) == [.discarded])
        #expect(try ImageFileStore().contents(of: job.relativePath, in: folder.path) == nil)
    }

    @Test func onlyTroubleThatLastsIsWorthAWarningAndNotAtOnceAgain() {
        var trouble = LastingTrouble(lasts: .seconds(15))
        let warnings = [100, 110, 115, 116, 129, 130, 131].filter { trouble.isThere(at: .seconds($0)) }
        #expect(warnings == [115, 130])
        trouble.isOver()
        let later = [200, 214, 215].filter { trouble.isThere(at: .seconds($0)) }
        #expect(later == [215])
    }
}
