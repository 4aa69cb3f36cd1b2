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
    private let logger: Logger

    package init(
        configuration: WorkerConfiguration, generator: any ImageGenerator, stores: WorkerStores, logger: Logger
    ) {
        self.configuration = configuration
        self.generator = generator
        self.stores = stores
        var logger = logger
        logger[metadataKey: "worker"] = "\(configuration.id)"
        self.logger = logger
    }

    /// - Throws: ``StoreError`` when the worker cannot register. Once registered it outlives outages of its stores.
    package func run() async throws {
        let timeline = WorkerTimeline()
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
        let stop = StopSignal()
        let attempts = AttemptsInHand()
        let inbox = DeliveryInbox()
        let settlements = SettlementWriter(
            ledger: stores.settlementLedger, queue: stores.queue, attempts: attempts, logger: logger)
        let finisher = AttemptFinisher(
            configuration: configuration,
            composer: ImageComposer(model: generator.model, version: configuration.version),
            files: ImageFileStore(), settlements: settlements, givenUp: givenUp(asking: stores.settlementLedger),
            timeline: timeline, storage: StorageHealth(), logger: logger)
        let loop = GenerationLoop(
            configuration: configuration, generator: generator, stores: stores, timeline: timeline, attempts: attempts,
            inbox: inbox, stop: stop, finisher: finisher, logger: logger)
        let heartbeat = HeartbeatLoop(
            worker: configuration.id, ledger: stores.heartbeatLedger, queue: stores.heartbeatQueue,
            embeddings: stores.embeddings, attempts: attempts, timeline: timeline, lease: configuration.lease,
            stepTimeout: configuration.stepTimeout, stop: stop, logger: logger)
        let janitor = JanitorLoop(
            worker: configuration.id, model: generator.model.fingerprint, stores: stores, lease: configuration.lease,
            givenUp: givenUp(asking: stores.choreLedger), inbox: inbox, logger: logger)

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
        // Both are for tidiness: a worker that cannot say good-bye is found by its lease.
        try? await stores.ledger.deregister(configuration.id, uptime: timeline.now)
        try? await stores.queue.forget(configuration.id, model: generator.model.fingerprint)
        logger.notice("worker stopped")
    }

    private func givenUp(asking ledger: any JobLedger) -> GivenUpFiles {
        GivenUpFiles(ledger: ledger, files: ImageFileStore(), outputRoot: configuration.outputRoot, logger: logger)
    }

    /// Once the worker stops, waits the grace time, then stops what still runs and what still waits for the ledger.
    private func endGrace(after stop: StopSignal, attempts: AttemptsInHand, settlements: SettlementWriter) async {
        let (stopped, signal) = AsyncStream<Void>.makeStream()
        stop.onStop { signal.finish() }
        for await _ in stopped {}
        if Task.isCancelled { return }
        try? await Task.sleep(for: configuration.grace)
        if Task.isCancelled { return }
        for (control, _) in attempts.all { control.stop(.shutdown) }
        settlements.giveUp()
    }
}
