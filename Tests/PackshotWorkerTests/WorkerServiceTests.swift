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
        let origin = ImageProvenance.Origin(job, ledger: nil)
        let other = ImageProvenance.Origin(
            ClaimedJob(
                id: JobID(rawValue: 99), batch: job.batch, batchName: job.batchName, attempt: job.attempt,
                attemptNumber: 1, maxAttempts: 1, sku: job.sku, title: job.title, shot: job.shot, variant: job.variant,
                model: job.model, spec: job.spec, outputRoot: job.outputRoot, relativePath: job.relativePath),
            ledger: nil)
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

    /// Weights that are overwritten under a worker: what was made with them counts for nothing, and no more is made.
    @Test func aWorkerWhoseWeightsChangeGivesEverythingBack() async throws {
        let fleet = try await MemoryFleet(jobs: 5)
        let generator = ChangingWeights(
            base: SimulatedImageGenerator(pace: .init(mean: 0, spread: 0), model: fleet.model), good: 2)
        let service = fleet.worker(generator: generator) {
            $0.writesFiles = false
            $0.drains = true
        }
        await #expect(throws: WeightsChanged.self) { try await service.run() }
        #expect(fleet.ledger.jobs.count { $0.machine.state == .completed } == 2)
        #expect(
            fleet.ledger.jobs.filter { $0.machine.state != .completed }.allSatisfy {
                $0.machine.state == .available && $0.machine.attempts == 0
            })
    }

    /// A worker died between file and ledger, and its kernels made other bytes: the next one's file takes the place of that
    /// one, which nobody has a row of. One that a row has is never touched.
    @Test func theFileOfAnAttemptThatWasLostIsReplaced() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let mark = LedgerMark(ledger: LedgerID(rawValue: "ours"), home: LedgerHome(system: "1", database: 1))
        let fleet = try await MemoryFleet(jobs: 4)
        let files = ImageFileStore(of: mark)
        let jobs = try await fleet.claimAll(by: "dead")
        func bytes(_ job: ClaimedJob, _ ledger: LedgerID?, prompt: String? = nil) throws -> [UInt8] {
            let spec = GenerationSpec(
                prompt: prompt ?? job.spec.prompt, negativePrompt: "", seed: 1, width: 8, height: 8, steps: 4,
                guidance: 1)
            return try ImageComposer(model: fleet.model, version: "of before").png(
                width: 1, height: 1, rgb: [1, 2, 3], spec: spec, reusedSteps: 0, effectivePrompt: "p",
                origin: ImageProvenance.Origin(job, ledger: ledger))
        }
        // Ours; another ledger's; an old one that does not say whose; ours from an earlier life of the job number.
        let before = [
            try bytes(jobs[0], mark.ledger), try bytes(jobs[1], LedgerID(rawValue: "theirs")),
            try bytes(jobs[2], nil), try bytes(jobs[3], mark.ledger, prompt: "another"),
        ]
        for (job, bytes) in zip(jobs, before) {
            try await files.save(bytes, as: job.relativePath, in: folder.path)
        }
        try await fleet.worker(
            generator: SimulatedImageGenerator(pace: .init(mean: 0, spread: 0), model: fleet.model),
            environment: .machine(files: files)
        ) {
            $0.ledger = mark.ledger
            $0.outputRoot = folder.path
            $0.drains = true
        }.run()
        #expect(
            fleet.ledger.jobs.map(\.machine.state) == [.completed, .discarded, .discarded, .discarded])
        let after = try jobs.map { try files.contents(of: $0.relativePath, in: folder.path) }
        #expect(after[0] != before[0])
        #expect(Array(after[1...]) == Array(before[1...]), "and what is another's is not removed either")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/b").sorted()
                == (1...4).map { "\($0).png" }, "no temporary file is left")
    }

    /// An attempt that was lost meanwhile does not take the place of what its successor recorded.
    @Test func aLostAttemptReplacesNothing() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let date = Mutex(Date())
        let fleet = try await MemoryFleet(jobs: 1, ledger: MemoryLedger(now: { date.withLock { $0 } }))
        let files = ImageFileStore()
        try await files.save([1], as: "b/1.png", in: folder.path)
        let lost = try #require(try await fleet.claimAll(by: "frozen").first)
        // The ledger is seen alive all the time: a lease ends by nothing else.
        for _ in 0..<10 {
            date.withLock { $0 += 1 }
            _ = try await fleet.ledger.rescueExpired(limit: 9)
        }
        try #require(fleet.ledger.jobs.map(\.machine.state) == [.available])
        let isReplaced = try await files.replace([2], at: "b/1.png", in: folder.path) { rename in
            try await fleet.ledger.whileHeld(lost.id, by: lost.attempt, rename)
        }
        #expect(!isReplaced)
        #expect(try files.contents(of: "b/1.png", in: folder.path) == [1])
        // The ledger could not say that it held the job to the end: what was there is there again.
        struct Away: Error {}
        await #expect(throws: Away.self) {
            try await files.replace([2], at: "b/1.png", in: folder.path) { rename in
                try rename()
                throw Away()
            }
        }
        #expect(try files.contents(of: "b/1.png", in: folder.path) == [1])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/b") == ["1.png"])
    }
}

/// Makes images whose weights turn out to be changed after some.
private final class ChangingWeights: ImageGenerator {
    private let base: SimulatedImageGenerator
    private let good: Int
    private let made = Mutex(0)

    init(base: SimulatedImageGenerator, good: Int) {
        self.base = base
        self.good = good
    }

    var model: ModelRecord { base.model }
    var kernelClass: String { base.kernelClass }
    var threads: Int { base.threads }
    func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
        try base.prepare(prompt, cleaning: cleaning)
    }
    func embed(_ prompt: PreparedPrompt) throws -> [UInt8] { try base.embed(prompt) }
    func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { false }
    func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage {
        let count = made.withLock { made in
            made += 1
            return made
        }
        guard count <= good else { throw WeightsChanged("model.safetensors was changed") }
        return try await base.generate(spec, prompt: prompt, negativePrompt: negativePrompt, onStep: onStep)
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
