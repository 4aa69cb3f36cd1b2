internal import Digests
internal import Logging
internal import PackshotJobs

/// Brings an attempt to its end: the file, the ledger, the queue, in this order. The file is written before a method
/// returns; ledger and queue hear of it in their own time.
struct AttemptFinisher: Sendable {
    let configuration: WorkerConfiguration
    let composer: ImageComposer
    let ledger: any JobLedger
    let settlements: SettlementWriter
    let givenUp: GivenUpFiles
    let timeline: WorkerTimeline
    let folders: OutputFolders
    let unwritten: UnwrittenImages
    let environment: WorkerEnvironment
    /// Ends the worker: nothing more may be made with its weights.
    let weightsChanged: @Sendable (WeightsChanged) -> Void
    let logger: Logger

    /// Stores a generated image and completes its job, or records why there is none. An image that cannot be written now is
    /// left to ``writeWhatIsLeft()``.
    func finish(_ job: PreparedJob, _ result: Result<GeneratedImage, any Error>) async {
        var stages = StageTimes(embed: job.embedTime)
        do {
            let image = try result.get()
            stages.sample = image.sampleTime
            stages.decode = image.decodeTime
            if let record = try await store(image, of: job, &stages) {
                settle(job.attempt, .completed(record), stages: stages, sources: job.sources)
            }
        } catch {
            end(job.attempt, error, stages: stages, sources: job.sources)
        }
    }

    /// - Returns: nil when the file cannot be written now.
    private func store(
        _ image: GeneratedImage, of job: PreparedJob, _ stages: inout StageTimes
    ) async throws -> ImageRecord? {
        let claimed = job.attempt.job
        guard configuration.writesFiles else {
            return Self.record(of: image.rgb, image, claimed, job.prompt, configuration.version)
        }
        let start = timeline.now
        let bytes = try composer.png(
            width: image.width, height: image.height, rgb: image.rgb, spec: claimed.spec,
            reusedSteps: image.reusedSteps, effectivePrompt: job.prompt.effectiveText,
            origin: ImageProvenance.Origin(claimed, ledger: configuration.ledger))
        let encoded = timeline.now
        stages.encode = encoded - start
        let record = Self.record(of: bytes, image, claimed, job.prompt, configuration.version)
        try job.attempt.control.check()
        let root = root(of: job.attempt)
        do {
            try await put(bytes, of: job.attempt)
        } catch let failure as ImageFileStore.Failure where !failure.isPermanent {
            let cost = Duration.microseconds(timeline.now - job.attempt.control.claimedAt)
            unwritten.add(
                UnwrittenImage(
                    job: job, root: root, bytes: bytes, record: record, stages: stages, failure: failure,
                    keptUntil: environment.clock.now + max(Self.keptAtLeast, cost)))
            return nil
        }
        folders.wasWritten(in: root)
        stages.write = timeline.now - encoded
        return record
    }

    /// Leaves the file of an attempt. If one of the same job is in its place that no image is recorded of (a worker died between file
    /// and ledger, and its kernels or its version made other bytes), this one takes its place.
    func put(_ bytes: [UInt8], of attempt: HeldAttempt) async throws {
        let job = attempt.job
        let root = configuration.outputRoot ?? job.outputRoot
        do {
            try await environment.files.save(bytes, as: job.relativePath, in: root)
        } catch let error as ImageFileStore.Failure where error.code == .differentFileExists {
            guard let present = try environment.files.contents(of: job.relativePath, in: root),
                let inside = ImageProvenance.of(present),
                inside.isMade(for: nil, of: configuration.ledger, from: ImageSource(job))
            else { throw error }
            // An attempt that was lost must not replace what a later one recorded: only the ledger knows, and it holds the job
            // for the moment of the renaming.
            let isReplaced = try await environment.files.replace(bytes, at: job.relativePath, in: root) { rename in
                try await held(attempt, rename)
            }
            guard isReplaced else {
                throw AttemptControl.Stopped(reason: .lost)
            }
            logger.notice(
                "took the place of a file of the same job that no image was recorded of",
                metadata: ["job": "\(job.id)", "path": "\(job.relativePath)"])
        }
    }

    /// Asks a ledger that is away again and again, as for a settlement: the image is finished.
    private func held(_ attempt: HeldAttempt, _ body: @escaping @Sendable () throws -> Void) async throws -> Bool {
        var backoff = Backoff(environment)
        while true {
            do {
                return try await ledger.whileHeld(attempt.job.id, by: attempt.job.attempt, body)
            } catch let error as StoreError where error.isTransient {
                try attempt.control.check()
                try Task.checkCancellation()
                logger.warning("ledger is away; keeping finished work", metadata: ["error": "\(error)"])
                await backoff.wait()
            }
        }
    }

    private static let keptAtLeast = Duration.seconds(60)

    /// Writes the images that could not be written at once, until ``closeFiles()`` was called and none is left.
    func writeWhatIsLeft() async {
        await unwritten.run { image in
            try await put(image.bytes, of: image.job.attempt)
        } ended: { image, error in
            if let error {
                end(image.job.attempt, error, stages: image.stages, sources: image.job.sources)
            } else {
                settle(
                    image.job.attempt, .completed(image.record), stages: image.stages, sources: image.job.sources)
            }
        }
    }

    /// Says that no more images come.
    func closeFiles() {
        unwritten.close()
    }

    /// The folder below which an attempt's image belongs.
    func root(of attempt: HeldAttempt) -> String { configuration.outputRoot ?? attempt.job.outputRoot }

    private static func record(
        of bytes: [UInt8], _ image: GeneratedImage, _ job: ClaimedJob, _ prompt: PreparedPrompt, _ version: String
    ) -> ImageRecord {
        ImageRecord(
            relativePath: job.relativePath, sha256: SHA256Digest.hash(bytes), byteCount: Int64(bytes.count),
            width: image.width, height: image.height, effectivePrompt: prompt.effectiveText,
            promptTokens: prompt.tokenCount, promptTokensUsed: prompt.tokens.count, textCleaning: prompt.cleaning,
            droppedLetters: prompt.droppedLetters,
            shortcuts: job.spec.shortcuts.map { ShortcutsTaken($0, reusedSteps: image.reusedSteps) }, version: version)
    }

    /// Records that an attempt ended before it reached the sampler.
    func fail(_ attempt: HeldAttempt, _ error: any Error) {
        end(attempt, error, stages: StageTimes(), sources: [])
    }

    /// Gives an attempt back unharmed.
    func handBack(_ attempt: HeldAttempt, reason: String) {
        settle(attempt, .handedBack(reason: reason), stages: StageTimes(), sources: [])
    }

    /// Why nothing is to be made for an attempt's folder; nil when images can be written there, as far as is known.
    func reason(against attempt: HeldAttempt) -> String? {
        configuration.writesFiles ? folders.reason(against: root(of: attempt)) : nil
    }

    /// Returns when the worker's folder can be written, if it has one, or the worker stops.
    func waitUntilWritable(_ stop: StopSignal) async {
        guard configuration.writesFiles, let root = configuration.outputRoot else { return }
        await folders.waitUntilWritable(root, stop)
    }

    /// The attempts whose folders can be written; others are handed back.
    func writable(_ held: [HeldAttempt]) async -> [HeldAttempt] {
        guard configuration.writesFiles else { return held }
        var writable: [HeldAttempt] = []
        for attempt in held {
            if await folders.isWritable(root(of: attempt)) {
                writable.append(attempt)
            } else {
                handBack(attempt, reason: reason(against: attempt) ?? "its folder cannot be written")
            }
        }
        return writable
    }

    private func end(
        _ attempt: HeldAttempt, _ error: any Error, stages: StageTimes, sources: [EmbeddingSource]
    ) {
        switch error {
        case let stopped as AttemptControl.Stopped:
            switch stopped.reason {
            case .cancelled: settle(attempt, .cancelled, stages: stages, sources: sources)
            case .shutdown:
                settle(attempt, .handedBack(reason: "grace time over"), stages: stages, sources: sources)
            case .lost:
                // Settled all the same: the ledger refuses it and records the time as waste.
                let failure = AttemptFailure(code: "lease_lost", message: "the lease was lost", isPermanent: false)
                settle(attempt, .failed(failure, retryAfter: .zero), stages: stages, sources: sources)
            }
        case is SpendingLimitReached:
            logger.warning(
                "stopped an image that costs more than its budget can set aside, and gave it back",
                metadata: ["job": "\(attempt.job.id)"])
            settle(attempt, .overBudget, stages: stages, sources: sources)
        case let change as WeightsChanged:
            weightsChanged(change)
            settle(attempt, .handedBack(reason: change.description), stages: stages, sources: sources)
        case let error as NotWritten:
            settle(attempt, .handedBack(reason: error.failure.message), stages: stages, sources: sources)
        case let error as StoreError where error.isTransient:
            settle(attempt, .handedBack(reason: error.message), stages: stages, sources: sources)
        case is CancellationError:
            settle(attempt, .handedBack(reason: "worker stopping"), stages: stages, sources: sources)
        default:
            let failure = AttemptFailure(describing: error)
            logger.error(
                "attempt failed",
                metadata: ["job": "\(attempt.job.id)", "code": "\(failure.code)", "error": "\(failure.message)"])
            let delay = configuration.retryPolicy.delay(
                afterAttempts: attempt.job.attemptNumber, random: environment.random())
            settle(attempt, .failed(failure, retryAfter: delay), stages: stages, sources: sources)
        }
    }

    /// A job that is cancelled or given up leaves no file, whichever of its attempts wrote one.
    private func settle(
        _ attempt: HeldAttempt, _ outcome: Settlement.Outcome, stages: StageTimes, sources: [EmbeddingSource]
    ) {
        let (from, to) = timeline.charge(claimedAt: attempt.control.claimedAt)
        settlements.add(
            Settlement(
                job: attempt.job.id, attempt: attempt.job.attempt, worker: configuration.id, outcome: outcome,
                busyFrom: from, busyTo: to, stages: stages, embeddingSources: sources), of: attempt
        ) {
            if configuration.writesFiles { await givenUp.remove(GivenUpJob(attempt.job)) }
        }
    }
}

extension AttemptFailure {
    /// The failure an error stands for: a fault of the job (``FaultTable``). What is not known to be permanent is tried again.
    init(describing error: any Error) {
        switch error {
        case let error as GenerationError:
            self.init(code: error.code.rawValue, message: error.message, isPermanent: true)
        case let error as ImageFileStore.Failure:
            self.init(code: error.code.rawValue, message: error.message, isPermanent: error.isPermanent)
        case let error as StoreError:
            self.init(code: "store_\(error.code.rawValue)", message: error.message, isPermanent: false)
        default:
            self.init(code: "generation_failed", message: "\(error)", isPermanent: false)
        }
    }
}
