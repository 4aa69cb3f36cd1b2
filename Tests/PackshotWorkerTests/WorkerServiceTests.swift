import Foundation
import Logging
import PackshotJobs
import PackshotWorker
import Testing

@Suite("A worker")
struct WorkerServiceTests {
    /// A queue that can still be claimed from and hears no heartbeat: its answer never comes, as over a link that is cut.
    private struct UnheardQueue: JobQueue {
        let base: MemoryJobQueue

        func renew(_ deliveries: [Delivery], by worker: WorkerID) async throws {
            try await Task.sleep(for: .seconds(3600))
        }
        func dispatch(_ entries: [DispatchEntry]) async throws { try await base.dispatch(entries) }
        func claim(
            model: ModelFingerprint, by worker: WorkerID, limit: Int, wait: Duration
        ) async throws -> [Delivery] {
            try await base.claim(model: model, by: worker, limit: limit, wait: wait)
        }
        func interrupt() { base.interrupt() }
        func takeOver(
            model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int
        ) async throws -> [Delivery] {
            try await base.takeOver(model: model, by: worker, idleFor: idleFor, limit: limit)
        }
        func acknowledge(_ deliveries: [Delivery]) async throws { try await base.acknowledge(deliveries) }
        func promoteDue(limit: Int) async throws -> (moved: Int, next: Duration?) {
            try await base.promoteDue(limit: limit)
        }
        func redeliverStranded(model: ModelFingerprint) async throws { try await base.redeliverStranded(model: model) }
        func heldJobs(model: ModelFingerprint) async throws -> Set<JobID> { try await base.heldJobs(model: model) }
        func depth(model: ModelFingerprint) async throws -> QueueDepth { try await base.depth(model: model) }
        func epoch() async throws -> QueueEpoch { try await base.epoch() }
        func lead(model: ModelFingerprint, by worker: WorkerID, for time: Duration) async throws -> Duration? {
            try await base.lead(model: model, by: worker, for: time)
        }
        func forget(_ worker: WorkerID, model: ModelFingerprint) async throws {
            try await base.forget(worker, model: model)
        }
    }

    /// A worker that takes `seconds` an image.
    private func worker(
        _ fleet: MemoryFleet, seconds: Double, hearsHeartbeats: Bool = true,
        change: (inout WorkerConfiguration) -> Void
    ) -> WorkerService {
        fleet.worker(
            generator: SimulatedImageGenerator(pace: .init(mean: seconds, spread: 0), model: fleet.model),
            renewing: hearsHeartbeats ? nil : UnheardQueue(base: fleet.queue)
        ) {
            $0.writesFiles = false
            change(&$0)
        }
    }

    /// A worker that is cut off from the queue's server keeps its lease: the ledger hears of it all the time.
    @Test func aSilentQueueCostsNoLease() async throws {
        let fleet = try await MemoryFleet(jobs: 1)
        let ledger = fleet.ledger
        try await worker(fleet, seconds: 5, hearsHeartbeats: false) {
            $0.lease = .seconds(2)
            $0.drains = true
        }.run()
        #expect(ledger.attempts.count == 1, "the lease of 2 s lasted for an image of 5 s")
        #expect(ledger.jobs.map(\.machine.state) == [.completed])
        #expect(ledger.staleSettlements == 0)
    }

    /// A worker writes the file of a job and dies with the job's last attempt: the file goes with it. One that is in its place and
    /// says that it is another job's stays.
    @Test(arguments: [true, false]) func aJobThatIsGivenUpLeavesNoFile(isOwn: Bool) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let fleet = try await MemoryFleet(jobs: 1, maxAttempts: 1)
        let (ledger, model) = (fleet.ledger, fleet.model)
        let service = worker(fleet, seconds: 0) {
            $0.drains = true
            $0.outputRoot = folder.path
        }
        let dead = WorkerID(rawValue: "dead")
        try await ledger.register(
            WorkerRegistration(
                id: dead, host: "h", processID: 2, version: "0", threads: 1, kernelClass: "k", model: model,
                rateCard: RateCard(name: "default", perHour: MicroDollars(rawValue: 100_000))))
        let job = try #require(
            await ledger.confirm(ledger.jobs.map(\.id), by: dead, lease: .milliseconds(1)).first)
        let origin = ImageProvenance.Origin(job)
        let other = ImageProvenance.Origin(
            ClaimedJob(
                id: JobID(rawValue: 99), batch: job.batch, batchName: job.batchName, attempt: job.attempt,
                attemptNumber: 1, maxAttempts: 1, sku: job.sku, title: job.title, shot: job.shot, variant: job.variant,
                model: job.model, spec: job.spec, outputRoot: job.outputRoot, relativePath: job.relativePath))
        let bytes = try ImageComposer(model: model, version: "0").png(
            width: 1, height: 1, rgb: [1, 2, 3], spec: job.spec, reusedSteps: 0, effectivePrompt: "p",
            origin: isOwn ? origin : other)
        try ImageFileStore().write(bytes, to: job.relativePath, in: folder.path)
        try await service.run()
        #expect(ledger.jobs.map(\.machine.state) == [.discarded])
        let left = try ImageFileStore().contents(of: job.relativePath, in: folder.path)
        #expect(left == (isOwn ? nil : bytes))
    }

    /// What is not finished within the grace is handed back before the worker goes, and counts for nothing.
    @Test func anImageThatOutlastsTheGraceIsHandedBack() async throws {
        let fleet = try await MemoryFleet(jobs: 1)
        let ledger = fleet.ledger
        let service = worker(fleet, seconds: 600) {
            $0.lease = .seconds(5)
            $0.grace = .milliseconds(100)
        }
        async let end: Void = service.run()
        while ledger.attempts.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        _ = try await ledger.drain([WorkerID(rawValue: "w")])
        try await end
        #expect(ledger.jobs.map(\.machine.state) == [.available])
        #expect(ledger.jobs.map(\.machine.attempts) == [0])
    }
}
