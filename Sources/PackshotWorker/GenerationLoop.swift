internal import Logging
internal import PackshotJobs

/// A worker's main line: claim, confirm, embed | sample | encode, write, settle, acknowledge.
///
/// The three parts run at the same time on different jobs: while the sampler works on one, the next is claimed and its
/// embedding fetched, and the last one's file and ledger row are written. Each leaves its jobs in a ``Mailbox`` for the
/// next, so that quick jobs go through the parts in groups.
struct GenerationLoop: Sendable {
    let configuration: WorkerConfiguration
    let generator: any ImageGenerator
    let stores: WorkerStores
    let timeline: WorkerTimeline
    let attempts: AttemptsInHand
    let inbox: DeliveryInbox
    let stop: StopSignal
    let finisher: AttemptFinisher
    let spending: SpendingWatch
    let environment: WorkerEnvironment
    let logger: Logger

    private let gate: LookaheadGate
    private let prepared = Mailbox<PreparedJob>()
    private let sampled = Mailbox<SampledJob>()

    init(
        configuration: WorkerConfiguration, generator: any ImageGenerator, stores: WorkerStores,
        timeline: WorkerTimeline, attempts: AttemptsInHand, inbox: DeliveryInbox, stop: StopSignal,
        finisher: AttemptFinisher, spending: SpendingWatch, environment: WorkerEnvironment, logger: Logger
    ) {
        self.configuration = configuration
        self.generator = generator
        self.stores = stores
        self.timeline = timeline
        self.attempts = attempts
        self.inbox = inbox
        self.stop = stop
        self.finisher = finisher
        self.spending = spending
        self.environment = environment
        self.logger = logger
        gate = LookaheadGate(lookahead: configuration.lookahead, clock: environment.clock)
    }

    /// Works until it is told to stop, or until nothing is left when the worker drains; then finishes or hands back what
    /// it holds. When the task is cancelled it ends at once and leaves what it holds to the lease.
    func run() async {
        stop.onStop {
            gate.openForGood()
            attempts.waitForNobody()
            stores.queue.interrupt()
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await finisher.settlements.run() }
            await withDiscardingTaskGroup { parts in
                parts.addTask(executorPreference: stores.claimThread) { await claimLoop() }
                parts.addTask(executorPreference: environment.threads.sampler) { await sampleLoop() }
                parts.addTask(executorPreference: environment.threads.files) { await finishLoop() }
                parts.addTask(executorPreference: environment.threads.files) { await finisher.writeWhatIsLeft() }
            }
            finisher.settlements.close()
        }
    }

    private var isOver: Bool { stop.isStopping || Task.isCancelled }

    // MARK: Claim and prepare

    private static let shortestHeldPause = Duration.milliseconds(500)
    private static let longestHeldPause = Duration.seconds(5)

    private func claimLoop() async {
        defer { prepared.close() }
        var backoff = Backoff(environment)
        // While jobs come back, one at a time: the others of a group would have to be handed back.
        var claimsOne = false
        var heldPause = Self.shortestHeldPause
        while true {
            await gate.wait()
            // Images that wait for the disk or the ledger take memory: not more of them than two groups.
            await attempts.wait(untilAtMost: max(4, 2 * gate.groupSize))
            await finisher.waitUntilWritable(stop)
            if isOver { return }
            do {
                let claimed = try await claim(limit: claimsOne ? 1 : gate.groupSize)
                let held = await finisher.writable(claimed)
                claimsOne = held.last?.isSuspect ?? claimsOne
                gate.jobsClaimed(held.count)
                await prepare(held.filter { !$0.isSuspect })
                for suspect in held where suspect.isSuspect {
                    // A job that came back may be what its worker died of, and a death is charged to all it held: it is made
                    // alone, so that the next one is charged to it only.
                    await attempts.wait(untilAtMost: 1)
                    await prepare([suspect])
                    await attempts.wait(untilAtMost: 0)
                }
                if held.count < claimed.count {
                    // The others' folders cannot be written here; other machines may have them. What is for other folders is
                    // made meanwhile, so this worker asks on: for one at a time, and not often.
                    claimsOne = true
                    await stop.sleep(for: heldPause, by: environment.clock)
                    heldPause = held.isEmpty ? min(heldPause * 2, Self.longestHeldPause) : Self.shortestHeldPause
                }
                backoff = Backoff(environment)
            } catch {
                if Task.isCancelled { return }
                logger.warning("cannot claim; trying again", metadata: ["error": "\(error)"])
                await backoff.wait()
            }
        }
    }

    private func claim(limit: Int) async throws -> [HeldAttempt] {
        var deliveries = inbox.takeAll()
        if deliveries.isEmpty {
            deliveries = try await stores.queue.claim(
                model: generator.model.fingerprint, by: configuration.id, limit: limit,
                wait: configuration.drains ? .milliseconds(250) : .seconds(5))
        }
        guard !deliveries.isEmpty else {
            if configuration.drains,
                try await !stores.ledger.hasUnfinishedJobs(model: generator.model.fingerprint)
            {
                stop.stop()
            }
            return []
        }
        return try await confirm(deliveries)
    }

    /// Keeps trying while the ledger is away: the entries are this worker's now, and giving them up would cost a lease.
    private func confirm(_ deliveries: [Delivery]) async throws -> [HeldAttempt] {
        var backoff = Backoff(environment)
        // The ledger would give a job in hand again, as to a worker that did not hear its first answer. Its copies stay in
        // the queue unrenewed: they come back after the lease, and are needed then if this attempt comes to nothing.
        let deliveries = attempts.unknown(deliveries)
        while true {
            do {
                let claimedAt = timeline.now
                let jobs = try await stores.ledger.confirm(
                    deliveries.map(\.job), by: configuration.id, lease: configuration.lease)
                var byJob = Dictionary(jobs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
                var held: [HeldAttempt] = []
                var refused: [Delivery] = []
                for delivery in deliveries {
                    guard let job = byJob.removeValue(forKey: delivery.job) else {
                        refused.append(delivery)
                        continue
                    }
                    let control = AttemptControl(
                        job: job.id, attempt: job.attempt, claimedAt: claimedAt, spendingLimit: job.spendingLimit)
                    held.append(HeldAttempt(job: job, delivery: delivery, control: control))
                }
                attempts.add(held)
                if !refused.isEmpty { try? await stores.queue.acknowledge(refused) }
                return withOneSuspect(ofThisModel(held))
            } catch let error as StoreError where error.isTransient && !isOver {
                logger.warning("cannot confirm a claim; trying again", metadata: ["error": "\(error)"])
                await backoff.wait()
            }
        }
    }

    /// The attempts of jobs of this worker's model. Whatever lane others were in, they are another's to make: the images would
    /// be made with the wrong weights.
    private func ofThisModel(_ held: [HeldAttempt]) -> [HeldAttempt] {
        held.filter { attempt in
            if attempt.job.model == generator.model.fingerprint { return true }
            logger.error("a job of another model was in this one's lane", metadata: ["job": "\(attempt.job.id)"])
            finisher.handBack(attempt, reason: "a job of another model")
            return false
        }
    }

    /// The attempts of jobs that are begun for the first time, then one of those that came back; others of these are handed
    /// back, for other workers or for later.
    private func withOneSuspect(_ held: [HeldAttempt]) -> [HeldAttempt] {
        let suspects = held.filter(\.isSuspect)
        guard !suspects.isEmpty else { return held }
        for suspect in suspects.dropFirst() { finisher.handBack(suspect, reason: "made alone, later") }
        return held.filter { !$0.isSuspect } + suspects.prefix(1)
    }

    /// Leaves attempts for the sampler: at once while their embeddings are in memory, else each when it has them.
    private func prepare(_ group: [HeldAttempt]) async {
        guard !group.isEmpty else { return }
        let prompts = await withTaskExecutorPreference(environment.threads.encoder) {
            group.map { attempt in Result { try self.prompts(of: attempt) } }
        }
        var ready: [PreparedJob] = []
        for (attempt, prompts) in zip(group, prompts) {
            if isOver {
                finisher.handBack(attempt, reason: "worker stopping")
                continue
            }
            do {
                ready.append(try await embed(attempt, try prompts.get(), sending: &ready))
            } catch {
                gate.jobDropped()
                finisher.fail(attempt, error)
            }
        }
        // What is in memory goes to the sampler together.
        gate.jobPrepared(in: .microseconds(timeline.now - group[0].control.claimedAt))
        prepared.send(ready)
    }

    private func prompts(of attempt: HeldAttempt) throws -> Prompts {
        let start = timeline.now
        let spec = attempt.job.spec
        let positive = try generator.prepare(spec.prompt, cleaning: spec.textCleaning)
        let needsNegative = generator.needsNegativePrompt(spec)
        let negative = try needsNegative ? generator.prepare(spec.negativePrompt, cleaning: spec.textCleaning) : nil
        return Prompts(positive: positive, negative: negative, time: timeline.now - start)
    }

    /// - Parameter ready: Jobs that are prepared; they are sent before this one waits for anything.
    private func embed(
        _ attempt: HeldAttempt, _ prompts: Prompts, sending ready: inout [PreparedJob]
    ) async throws -> PreparedJob {
        let start = timeline.now
        var sources: [EmbeddingSource] = []
        let embedding = try await embedding(of: prompts.positive, into: &sources, sending: &ready)
        var negative: [UInt8]?
        if let prompt = prompts.negative {
            negative = try await self.embedding(of: prompt, into: &sources, sending: &ready)
        }
        return PreparedJob(
            attempt: attempt, prompt: prompts.positive, embedding: embedding, negativeEmbedding: negative,
            sources: sources, embedTime: prompts.time + timeline.now - start)
    }

    private func embedding(
        of prompt: PreparedPrompt, into sources: inout [EmbeddingSource], sending ready: inout [PreparedJob]
    ) async throws -> [UInt8] {
        if let value = stores.embeddings.inMemory(prompt.key) {
            sources.append(.memory)
            return value
        }
        prepared.send(ready)
        ready = []
        let (value, source) = try await stores.embeddings.embedding(for: prompt.key) {
            try await withTaskExecutorPreference(environment.threads.encoder) { try generator.embed(prompt) }
        }
        sources.append(source)
        return value
    }

    // MARK: Sample

    private func sampleLoop() async {
        defer { sampled.close() }
        while true {
            let jobs = await prepared.takeAll()
            if jobs.isEmpty { return }
            await sample(jobs)
        }
    }

    /// Samples one job after the other and passes each on when it is done; quick ones in bunches of a millisecond's work.
    private func sample(_ jobs: [PreparedJob]) async {
        var bunch: [SampledJob] = []
        var bunchBegan = timeline.now
        for job in jobs {
            if isOver {
                finisher.handBack(job.attempt, reason: "worker stopping")
                continue
            }
            if let reason = finisher.reason(against: job.attempt) {
                gate.jobDropped()
                finisher.handBack(job.attempt, reason: reason)
                continue
            }
            gate.jobBegan()
            let result = await sample(job)
            gate.jobEnded(isMade: (try? result.get()) != nil)
            bunch.append(SampledJob(job: job, result: result))
            let now = timeline.now
            if now - bunchBegan >= 1_000 {
                sampled.send(bunch)
                bunch = []
                bunchBegan = now
            }
        }
        sampled.send(bunch)
    }

    private func sample(_ job: PreparedJob) async -> Result<GeneratedImage, any Error> {
        let control = job.attempt.control
        control.samplingBegan()
        defer {
            control.samplingEnded()
            timeline.samplingEnded()
        }
        do {
            try control.check()
            let image = try await generator.generate(
                job.attempt.job.spec, prompt: job.embedding, negativePrompt: job.negativeEmbedding
            ) { step, steps in
                try Task.checkCancellation()
                try control.checkpoint(step: step, of: steps)
                try spending.check(control)
                gate.jobAdvanced(step: step, of: steps)
            }
            return .success(image)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Finish

    private func finishLoop() async {
        defer { finisher.closeFiles() }
        while true {
            let jobs = await sampled.takeAll()
            if jobs.isEmpty { return }
            for job in jobs { await finisher.finish(job.job, job.result) }
        }
    }
}

/// A confirmed claim, with the means to stop it and the queue entry to acknowledge. One object, because all parts of the
/// worker hold it.
final class HeldAttempt: Sendable {
    let job: ClaimedJob
    let delivery: Delivery
    let control: AttemptControl

    init(job: ClaimedJob, delivery: Delivery, control: AttemptControl) {
        self.job = job
        self.delivery = delivery
        self.control = control
    }

    /// True for a job that came back: its last worker may have died of it.
    var isSuspect: Bool { job.attemptNumber > 1 }
}

/// A job's texts as the encoder takes them.
private struct Prompts: Sendable {
    let positive: PreparedPrompt
    /// nil when the job's guidance needs none.
    let negative: PreparedPrompt?
    /// Microseconds it took to clean and tokenise them.
    let time: Int64
}

/// A held attempt with everything the sampler needs.
struct PreparedJob: Sendable {
    let attempt: HeldAttempt
    let prompt: PreparedPrompt
    let embedding: [UInt8]
    let negativeEmbedding: [UInt8]?
    let sources: [EmbeddingSource]
    /// Microseconds its texts and its embeddings took.
    let embedTime: Int64
}

/// A job that the sampler is done with.
private struct SampledJob: Sendable {
    let job: PreparedJob
    let result: Result<GeneratedImage, any Error>
}
