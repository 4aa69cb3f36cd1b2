package import Logging
internal import PackshotJobs
internal import ServiceLifecycle

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
    /// - Throws: ``StoreError`` when the worker cannot register. Once registered it outlives outages of its stores.
    package func run() async throws {
        let timeline = WorkerTimeline(environment.clock)
        try await stores.ledger.register(
            WorkerRegistration(
                id: configuration.id, host: configuration.host, processID: configuration.processID,
                version: configuration.version, threads: generator.threads, kernelClass: generator.kernelClass,
                model: generator.model, rateCard: configuration.rateCard))
        logger.notice(
            "worker ready",
            metadata: [
                "model": "\(generator.model.name)", "kernels": "\(generator.kernelClass)",
                "threads": "\(generator.threads)", "price": "\(configuration.rateCard.perHour) an hour",
            ])
        let stop = stopSignal
        let attempts = AttemptsInHand()
        let inbox = DeliveryInbox()
        let settlements = SettlementWriter(
            ledger: stores.settlementLedger, queue: stores.queue, attempts: attempts, environment: environment,
            logger: logger)
        let finisher = AttemptFinisher(
            configuration: configuration,
            composer: ImageComposer(model: generator.model, version: configuration.version),
            settlements: settlements,
            givenUp: GivenUpFiles(
                ledger: stores.settlementLedger, files: environment.files, outputRoot: configuration.outputRoot,
                logger: logger),
            timeline: timeline, storage: StorageHealth(), environment: environment, logger: logger)
        let loop = GenerationLoop(
            configuration: configuration, generator: generator, stores: stores, timeline: timeline, attempts: attempts,
            inbox: inbox, stop: stop, finisher: finisher, environment: environment, logger: logger)
        let heartbeat = HeartbeatLoop(
            worker: configuration.id, ledger: stores.heartbeatLedger, queue: stores.heartbeatQueue,
            embeddings: stores.embeddings, attempts: attempts, timeline: timeline, lease: configuration.lease,
            stepTimeout: configuration.stepTimeout, environment: environment, stop: stop, logger: logger)
        let janitor = JanitorLoop(
            worker: configuration.id, model: generator.model.fingerprint, stores: stores, lease: configuration.lease,
            chores: Chores(
                ledger: stores.choreLedger, queue: stores.queue, files: environment.files,
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
    }

    /// Once the worker stops, waits the grace time, then stops what still runs and what still waits for the ledger.
    private func endGrace(after stop: StopSignal, attempts: AttemptsInHand, settlements: SettlementWriter) async {
        await stop.wait()
        try? await environment.clock.sleep(for: configuration.grace)
        if Task.isCancelled { return }
        for (control, _) in attempts.all { control.stop(.shutdown) }
        settlements.giveUp()
    }
}
