package import Logging
internal import PackshotJobs
internal import ServiceLifecycle
internal import Synchronization

/// One worker: a line of work, its heartbeats and its chores, from registration to a clean end.
///
/// On graceful shutdown (SIGTERM, SIGINT) it stops claiming, hands back what has not begun, and lets the running image
/// finish within `grace`; what is not finished then is handed back too, its attempt not counted.
package struct WorkerService: Service {
    private let configuration: WorkerConfiguration
    private let generator: any ImageGenerator
    private let stores: WorkerStores
    private let environment: WorkerEnvironment
    private let stopSignal = StopSignal()
    private let logger: Logger

    package init(
        configuration: WorkerConfiguration, generator: any ImageGenerator, stores: WorkerStores,
        environment: WorkerEnvironment = .machine(), logger: Logger
    ) {
        self.configuration = configuration
        self.generator = generator
        self.stores = stores
        self.environment = environment
        var logger = logger
        logger[metadataKey: "worker"] = "\(configuration.id)"
        self.logger = logger
    }

    /// True once the worker takes no more work.
    package var isStopping: Bool { stopSignal.isStopping }

    /// Stops the worker as a graceful shutdown does.
    package func stop() {
        stopSignal.stop()
    }

    /// When the task is cancelled, it ends at once and tells nobody, as a worker does that is killed.
    /// - Throws: ``StoreError`` when the worker cannot register for a reason that will not pass; ``WeightsChanged``, after it
    ///   has given everything back. It waits for stores that are away or have no connection left, and outlives their outages.
    package func run() async throws {
        guard try await begin() else { return }
        logger.notice(
            "worker ready",
            metadata: [
                "model": "\(generator.model.name)", "kernels": "\(generator.kernelClass)",
                "threads": "\(generator.threads)", "price": "\(configuration.rateCard.perHour) an hour",
            ])
        // Not before: what a worker is charged for is what the ledger saw of its life.
        let timeline = WorkerTimeline(environment.clock)
        let stop = stopSignal
        let weights = FirstWeightsChange()
        let attempts = AttemptsInHand()
        let spending = SpendingWatch(
            ledger: stores.heartbeatLedger, rateCard: configuration.rateCard, lease: configuration.lease,
            timeline: timeline,
            logger: logger)
        let inbox = DeliveryInbox()
        let settlements = SettlementWriter(
            ledger: stores.settlementLedger, queue: stores.queue, attempts: attempts, environment: environment,
            logger: logger)
        let folders = OutputFolders(environment: environment, logger: logger)
        let finisher = AttemptFinisher(
            configuration: configuration,
            composer: ImageComposer(model: generator.model, version: configuration.version),
            ledger: stores.settlementLedger, settlements: settlements,
            givenUp: GivenUpFiles(
                ledger: stores.settlementLedger, ledgerID: configuration.ledger, files: environment.files,
                outputRoot: configuration.outputRoot,
                logger: logger),
            timeline: timeline, folders: folders,
            unwritten: UnwrittenImages(folders: folders, environment: environment), environment: environment,
            weightsChanged: { change in
                guard weights.notice(change) else { return }
                logger.error("stopping: \(change)")
                stop.stop()
            }, logger: logger)
        let loop = GenerationLoop(
            configuration: configuration, generator: generator, stores: stores, timeline: timeline, attempts: attempts,
            inbox: inbox, stop: stop, finisher: finisher, spending: spending, environment: environment, logger: logger)
        let heartbeat = HeartbeatLoop(
            worker: configuration.id, ledger: stores.heartbeatLedger, queue: stores.heartbeatQueue,
            embeddings: stores.embeddings, attempts: attempts, timeline: timeline, spending: spending,
            lease: configuration.lease,
            stepTimeout: configuration.stepTimeout, environment: environment, stop: stop, logger: logger)
        let janitor = JanitorLoop(
            worker: configuration.id, model: generator.model.fingerprint, stores: stores, lease: configuration.lease,
            chores: Chores(
                ledger: stores.choreLedger, of: configuration.ledger, queue: stores.queue, files: environment.files,
                outputRoot: configuration.outputRoot, logger: logger),
            environment: environment, inbox: inbox, logger: logger)

        await withTaskGroup { group in
            group.addTask { await heartbeat.run() }
            group.addTask { await janitor.run() }
            group.addTask { await endGrace(after: stop, attempts: attempts, settlements: settlements) }
            await withGracefulShutdownHandler {
                await loop.run()
            } onGracefulShutdown: {
                logger.notice("stopping: no new claims; finishing the running image")
                stop.stop()
            }
            group.cancelAll()
        }
        if Task.isCancelled { return }
        // Both are for tidiness: a worker that cannot say good-bye is found by its lease.
        try? await stores.ledger.deregister(configuration.id, uptime: timeline.now)
        try? await stores.queue.forget(configuration.id, model: generator.model.fingerprint)
        logger.notice("worker stopped")
        if let change = weights.change { throw change }
    }

    /// Makes the connections and registers, however long that takes.
    /// - Returns: False when the worker is told to stop before.
    private func begin() async throws -> Bool {
        try await withGracefulShutdownHandler {
            // Workers that want more connections than there are give way to each other at different moments.
            var backoff = Backoff(environment)
            var reason: String?
            while !stopSignal.isStopping, !Task.isCancelled {
                do {
                    try await stores.connect()
                    var registration = WorkerRegistration(
                        id: configuration.id, host: configuration.host, processID: configuration.processID,
                        version: configuration.version, threads: generator.threads,
                        kernelClass: generator.kernelClass, model: generator.model, rateCard: configuration.rateCard)
                    registration.outputRoot = configuration.outputRoot
                    try await stores.ledger.register(registration)
                    return true
                } catch let error as StoreError where error.isTransient {
                    if reason != error.message {
                        logger.warning(
                            "not claiming until all connections can be made", metadata: ["error": "\(error)"])
                    }
                    reason = error.message
                    await backoff.wait()
                }
            }
            return false
        } onGracefulShutdown: {
            stopSignal.stop()
        }
    }

    /// Once the worker stops, waits the grace time, then stops what still runs and what still waits for the ledger.
    private func endGrace(after stop: StopSignal, attempts: AttemptsInHand, settlements: SettlementWriter) async {
        await stop.wait()
        try? await environment.clock.sleep(for: configuration.grace)
        if Task.isCancelled { return }
        let running = attempts.all
        if !running.isEmpty {
            logger.notice(
                "the grace time is over: handing back what is not finished",
                metadata: ["jobs": "\(running.map { String($0.control.job.rawValue) }.joined(separator: " "))"])
        }
        for (control, _) in running { control.stop(.shutdown) }
        settlements.giveUp()
    }
}

/// What was found wrong with a worker's weights, the first time.
private final class FirstWeightsChange: Sendable {
    private let found = Mutex<WeightsChanged?>(nil)

    var change: WeightsChanged? { found.withLock(\.self) }

    /// - Returns: False if something was found wrong before.
    func notice(_ change: WeightsChanged) -> Bool {
        found.withLock { found in
            defer { found = found ?? change }
            return found == nil
        }
    }
}
