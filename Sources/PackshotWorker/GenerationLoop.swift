internal import AsyncAlgorithms
internal import Logging
internal import PackshotJobs

/// A worker's main line: claim, confirm, embed | sample | encode, write, settle, acknowledge.
///
/// The three parts run at the same time on different jobs: while the sampler works on one, the next is claimed and its
/// embedding fetched, and the last one's file and ledger row are written.
struct GenerationLoop: Sendable {
    let configuration: WorkerConfiguration
    let generator: any ImageGenerator
    let stores: WorkerStores
    let timeline: WorkerTimeline
    let attempts: AttemptsInHand
    let inbox: DeliveryInbox
    let stop: StopSignal
    let finisher: AttemptFinisher
    let logger: Logger

    private let gate: LookaheadGate
    private let encoderLane = BlockingLane(label: "packshot.encoder")
    private let samplerLane = BlockingLane(label: "packshot.sampler")

    init(
        configuration: WorkerConfiguration, generator: any ImageGenerator, stores: WorkerStores,
        timeline: WorkerTimeline, attempts: AttemptsInHand, inbox: DeliveryInbox, stop: StopSignal,
        finisher: AttemptFinisher, logger: Logger
    ) {
        self.configuration = configuration
        self.generator = generator
        self.stores = stores
        self.timeline = timeline
        self.attempts = attempts
        self.inbox = inbox
        self.stop = stop
        self.finisher = finisher
        self.logger = logger
        gate = LookaheadGate(lookahead: configuration.lookahead)
    }

    /// Works until it is told to stop, or until nothing is left when the worker drains; then finishes or hands back what
    /// it holds.
    func run() async {
        let prepared = AsyncChannel<PreparedJob>()
        stop.onStop {
            gate.openForGood()
            stores.queue.interrupt()
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await claimLoop(into: prepared) }
            let slots = Slots()
            for await job in prepared {
                if stop.isStopping {
                    await finisher.handBack(job.attempt, reason: "worker stopping")
                    continue
                }
                gate.jobBegan()
                let result = await sample(job)
                gate.jobEnded()
                await slots.take(limit: max(4, gate.batchSize))
                group.addTask {
                    await finisher.finish(job, result)
                    await slots.giveBack()
                }
            }
        }
    }

    // MARK: Claim and prepare

    private func claimLoop(into prepared: AsyncChannel<PreparedJob>) async {
        defer { prepared.finish() }
        var backoff = Backoff()
        // While jobs come back, one at a time: the others of a group would have to be handed back.
        var claimsOne = false
        while true {
            await gate.wait()
            await finisher.waitUntilWritable(stop)
            if stop.isStopping { return }
            do {
                let held = try await claim(limit: claimsOne ? 1 : gate.batchSize)
                claimsOne = held.last?.isSuspect ?? claimsOne
                for attempt in held {
                    guard !stop.isStopping else {
                        await finisher.handBack(attempt, reason: "worker stopping")
                        continue
                    }
                    // A job that came back may be what its worker died of, and a death is charged to all it held: it is made
                    // alone, so that the next one is charged to it only.
                    if attempt.isSuspect { await attempts.waitUntil(atMost: 1) }
                    if let job = await prepare(attempt) {
                        // Those behind it have waited for it.
                        if attempt.job.attempt == held.first?.job.attempt {
                            gate.jobPrepared(in: .microseconds(timeline.now - attempt.control.claimedAt))
                        }
                        await prepared.send(job)
                    }
                    if attempt.isSuspect { await attempts.waitUntil(atMost: 0) }
                }
                backoff = Backoff()
            } catch {
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
        var backoff = Backoff()
        // The ledger would give a job in hand again, as to a worker that did not hear its first answer. Its copies stay in
        // the queue unrenewed: they come back after the lease, and are needed then if this attempt comes to nothing.
        let inHand = Set(attempts.all.map(\.control.job))
        let deliveries = deliveries.filter { !inHand.contains($0.job) }
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
                    let control = AttemptControl(job: job.id, attempt: job.attempt, claimedAt: claimedAt)
                    attempts.add(control, delivery: delivery)
                    held.append(HeldAttempt(job: job, delivery: delivery, control: control))
                }
                if !refused.isEmpty { try? await stores.queue.acknowledge(refused) }
                return await withOneSuspect(held)
            } catch let error as StoreError where error.isTransient && !stop.isStopping {
                logger.warning("cannot confirm a claim; trying again", metadata: ["error": "\(error)"])
                await backoff.wait()
            }
        }
    }

    /// The attempts of jobs that are begun for the first time, then one of those that came back; others of these are handed
    /// back, for other workers or for later.
    private func withOneSuspect(_ held: [HeldAttempt]) async -> [HeldAttempt] {
        let suspects = held.filter(\.isSuspect)
        for suspect in suspects.dropFirst() { await finisher.handBack(suspect, reason: "made alone, later") }
        return held.filter { !$0.isSuspect } + suspects.prefix(1)
    }

    private func prepare(_ attempt: HeldAttempt) async -> PreparedJob? {
        let start = timeline.now
        var sources: [EmbeddingSource] = []
        do {
            let spec = attempt.job.spec
            let prompt = try await encoderLane.run { try generator.prepare(spec.prompt, cleaning: spec.textCleaning) }
            let embedding = try await embedding(of: prompt, into: &sources)
            var negative: [UInt8]?
            if generator.needsNegativePrompt(spec) {
                let text = try await encoderLane.run {
                    try generator.prepare(spec.negativePrompt, cleaning: spec.textCleaning)
                }
                negative = try await self.embedding(of: text, into: &sources)
            }
            return PreparedJob(
                attempt: attempt, prompt: prompt, embedding: embedding, negativeEmbedding: negative, sources: sources,
                embedTime: timeline.now - start)
        } catch {
            await finisher.fail(attempt, error)
            return nil
        }
    }

    private func embedding(of prompt: PreparedPrompt, into sources: inout [EmbeddingSource]) async throws -> [UInt8] {
        let (value, source) = try await stores.embeddings.embedding(for: prompt.key) {
            try await encoderLane.run { try generator.embed(prompt) }
        }
        sources.append(source)
        return value
    }

    // MARK: Sample

    private func checkSpending(of attempt: HeldAttempt) throws {
        guard let limit = attempt.job.spendingLimit else { return }
        let spent = configuration.rateCard.price(fromMicroseconds: attempt.control.claimedAt, to: timeline.now)
        if spent >= limit { throw SpendingLimitReached() }
    }

    private func sample(_ job: PreparedJob) async -> Result<GeneratedImage, any Error> {
        let control = job.attempt.control
        do {
            try control.check()
            return .success(
                try await samplerLane.run {
                    try generator.generate(
                        job.attempt.job.spec, prompt: job.embedding, negativePrompt: job.negativeEmbedding
                    ) { step, steps in
                        try control.checkpoint(step: step, of: steps)
                        try checkSpending(of: job.attempt)
                        gate.jobAdvanced(step: step, of: steps)
                    }
                })
        } catch {
            return .failure(error)
        }
    }
}

/// Thrown out of the sampler when an attempt would cost more than was set aside for it.
struct SpendingLimitReached: Error {}

/// A confirmed claim, with the means to stop it and the queue entry to acknowledge.
struct HeldAttempt: Sendable {
    let job: ClaimedJob
    let delivery: Delivery
    let control: AttemptControl

    /// True for a job that came back: its last worker may have died of it.
    var isSuspect: Bool { job.attemptNumber > 1 }
}

/// A held attempt with everything the sampler needs.
struct PreparedJob: Sendable {
    let attempt: HeldAttempt
    let prompt: PreparedPrompt
    let embedding: [UInt8]
    let negativeEmbedding: [UInt8]?
    let sources: [EmbeddingSource]
    /// Microseconds from the claim's confirmation to the last embedding.
    let embedTime: Int64
}

/// Bounds how many finished images wait for the disk and the ledger.
private actor Slots {
    private var taken = 0
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func take(limit: Int) async {
        while taken >= limit {
            await withCheckedContinuation { waiters.append($0) }
        }
        taken += 1
    }

    func giveBack() {
        taken -= 1
        if !waiters.isEmpty { waiters.removeFirst().resume() }
    }
}
