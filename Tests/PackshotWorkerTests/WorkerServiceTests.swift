import Foundation
import Logging
import PackshotJobs
import PackshotWorker
import Synchronization
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

    /// Whatever put a job into the lane of a model that is not its own, no image is made of it with the wrong weights, and it goes
    /// to its own lane.
    @Test func aJobOfAnotherModelIsHandedBackToItsOwnLane() async throws {
        let fleet = try await MemoryFleet(jobs: 1)
        let other = ModelFingerprint(rawValue: String(repeating: "d", count: 64))
        let service = fleet.worker(
            generator: SimulatedImageGenerator(pace: .init(mean: 0, spread: 0), model: fleet.model),
            claiming: LedgerInFront(base: fleet.ledger, confirmed: { $0.map { $0.ofModel(other) } })
        ) { $0.writesFiles = false }
        async let end: Void = service.run()
        while try await !fleet.queue.heldJobs(model: other).contains(JobID(rawValue: 1)) {
            try await Task.sleep(for: .milliseconds(5))
        }
        service.stop()
        try await end
        #expect(fleet.ledger.jobs.map(\.machine.state) == [.available])
        #expect(fleet.ledger.jobs.map(\.machine.attempts) == [0])
    }

    /// One attempt that the ledger refuses for good costs the others of its group nothing.
    @Test(.timeLimit(.minutes(1))) func whatTheLedgerRefusesForGoodCostsNoOtherImage() async throws {
        let fleet = try await MemoryFleet(jobs: 4)
        let generator = CountingGenerator(model: fleet.model)
        let isFirst = Atomic(true)
        let settling = LedgerInFront(
            base: fleet.ledger,
            willSettle: { settlements in
                if isFirst.exchange(false, ordering: .relaxed) {
                    // So that the others come in one group.
                    while generator.made < 4 { try await Task.sleep(for: .milliseconds(2)) }
                    throw StoreError(.postgres, .unreachable, "away for a moment")
                }
                if settlements.contains(where: { $0.job.rawValue == 3 }) {
                    throw StoreError(.postgres, .unexpected, "one of these cannot be")
                }
            })
        let service = fleet.worker(generator: generator, settling: settling) { $0.writesFiles = false }
        async let end: Void = service.run()
        while fleet.ledger.jobs.count(where: { $0.machine.state == .completed }) < 3 {
            try await Task.sleep(for: .milliseconds(5))
        }
        service.stop()
        try await end
        #expect(fleet.ledger.jobs.map(\.machine.state) == [.completed, .completed, .running, .completed])
        #expect(generator.made == 4, "no image was made twice")
    }

    /// A ledger whose schema or rights are not as they should be keeps nobody's finished image from being kept.
    @Test(.timeLimit(.minutes(1)), arguments: [("schema", nil), ("unexpected", "42501")])
    func finishedImagesWaitForALedgerThatIsBeingRepaired(code: String, sqlState: String?) async throws {
        let fleet = try await MemoryFleet(jobs: 1)
        let tries = Atomic(0)
        let settling = LedgerInFront(
            base: fleet.ledger,
            willSettle: { _ in
                if tries.add(1, ordering: .relaxed).newValue <= 2 {
                    throw StoreError(
                        .postgres, code == "schema" ? .schema : .unexpected, "being repaired", detail: sqlState)
                }
            })
        let generator = CountingGenerator(model: fleet.model)
        try await fleet.worker(generator: generator, settling: settling) {
            $0.writesFiles = false
            $0.drains = true
        }.run()
        #expect(fleet.ledger.jobs.map(\.machine.state) == [.completed])
        #expect(generator.made == 1)
    }

    /// What ends a worker's task at once leaves its jobs to the lease, as a kill does, and does not wait for an image.
    @Test(.timeLimit(.minutes(1))) func aWorkerThatIsCancelledEndsAtOnceAndTellsNobody() async throws {
        let fleet = try await MemoryFleet(jobs: 3)
        let service = worker(fleet, seconds: 600) { $0.grace = .seconds(600) }
        let running = Task { try await service.run() }
        while fleet.ledger.attempts.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        running.cancel()
        try? await running.value
        #expect(fleet.ledger.attempts.allSatisfy { $0.state == .running })
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

/// A generator that takes no time and counts.
private final class CountingGenerator: ImageGenerator {
    let model: ModelRecord
    let kernelClass = "k"
    let threads = 1
    private let count = Atomic(0)

    init(model: ModelRecord) { self.model = model }

    var made: Int { count.load(ordering: .relaxed) }

    func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
        PreparedPrompt(effectiveText: prompt, tokens: [1], tokenCount: 1, key: [1])
    }
    func embed(_ prompt: PreparedPrompt) throws -> [UInt8] { [1] }
    func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { false }
    func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage {
        count.add(1, ordering: .relaxed)
        return GeneratedImage(width: 1, height: 1, rgb: [0, 0, 0], sampleTime: 1, decodeTime: 1)
    }
}

extension ClaimedJob {
    fileprivate func ofModel(_ model: ModelFingerprint) -> ClaimedJob {
        ClaimedJob(
            id: id, batch: batch, batchName: batchName, attempt: attempt, attemptNumber: attemptNumber,
            maxAttempts: maxAttempts, sku: sku, title: title, shot: shot, variant: variant, model: model, spec: spec,
            outputRoot: outputRoot, relativePath: relativePath)
    }
}
