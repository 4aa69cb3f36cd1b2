package import ArgumentParser
internal import Foundation
internal import Glibc
internal import Logging
internal import PRX
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis
internal import PackshotWorker
internal import ServiceLifecycle
internal import UnixSignals

/// `packshot worker`: makes images until it is told to stop.
package struct WorkerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Make the images of queued jobs until told to stop.",
        discussion: """
            On SIGTERM or Ctrl-C a worker claims nothing more, finishes its running image within --grace or hands it back \
            with the attempt not counted, and exits 0.

            Without --model it serves the models of the batches it finds in the ledger, from the folders they were \
            submitted with; without --out it writes to the folders they were submitted with.
            """)

    @Option(help: "Checkpoint folder to serve.")
    package var model: String?

    @Option(help: "Folder to write images below.")
    package var out: String?

    @Option(help: "Images to work on at the same time, each with its share of the threads.")
    package var concurrency = 1

    @Option(help: "CPU threads in all (default: all). They change the speed, never the bytes.")
    package var threads: Int?

    @Flag(help: "Exit 0 when no unfinished jobs are left.")
    package var drain = false

    @Option(help: "Only wait so long for each image, such as 2s±20%, and write a small one: no model is loaded.")
    package var simulate: String?

    @Option(help: "How long a claim lasts without a heartbeat.")
    package var lease = DurationArgument(.seconds(15))

    @Option(help: "How long a running image may go on after SIGTERM.")
    package var grace = DurationArgument(.seconds(30))

    @Option(name: .customLong("step-timeout"), help: "End the process when the sampler makes no step for so long.")
    package var stepTimeout = DurationArgument(.seconds(900))

    @Option(name: .customLong("embedding-memory"), help: "Megabytes of text embeddings kept in memory.")
    package var embeddingMemory = 256

    @Option(name: .customLong("rate-card"), help: "Name of the machine's price, as the ledger keeps it.")
    package var rateCard = "default"

    @Option(
        name: .customLong("usd-per-hour"),
        help: "Price of an hour of this machine in US dollars (or PACKSHOT_USD_PER_HOUR).")
    package var usdPerHour: String?

    package init() {}

    private static let standardRate = "0.10"

    package func validate() throws {
        guard (1...64).contains(concurrency) else { throw ValidationError("--concurrency is 1 to 64") }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
        if let simulate, SimulatedImageGenerator.Pace(simulate) == nil {
            throw ValidationError("--simulate is a time with a unit, such as 200ms or 2s±20%")
        }
        guard lease.value >= .seconds(1), lease.value <= .seconds(3600) else {
            throw ValidationError("--lease is 1s to 60m")
        }
        guard (0...1_000_000).contains(embeddingMemory) else {
            throw ValidationError("--embedding-memory is out of range")
        }
        guard MicroDollars(dollars: rate) != nil else {
            throw ValidationError("--usd-per-hour is an amount such as 0.10")
        }
    }

    private var rate: String {
        usdPerHour ?? ProcessInfo.processInfo.environment["PACKSHOT_USD_PER_HOUR"] ?? Self.standardRate
    }

    package func run() async throws {
        LoggingSystem.bootstrap { StandardErrorLog(label: $0) }
        let stores = try Stores()
        _ = try await stores.queue()
        let (_, reports) = try await stores.ledger()
        if simulate == nil, let model {
            try await serve(PRXImageGenerators(try ModelFolder.open(model)), stores, drains: drain)
        } else if simulate != nil, let model {
            try await serve(try simulated(ModelRecord(ModelFolder.open(model))), stores, drains: drain)
        } else {
            try await serveWhatThereIs(stores, reports)
        }
    }

    // MARK: Which model

    /// Serves the models of the batches in the ledger, one after the other, as long as there is work or until told to stop.
    private func serveWhatThereIs(_ stores: Stores, _ reports: LedgerReports) async throws {
        let stop = StopRequest()
        while !stop.isRequested {
            guard let (fingerprint, path) = try await reports.modelWithWork() else {
                if drain { return }
                // A new batch is noticed within half a second; until then nothing is loaded and nothing is held.
                try await Task.sleep(for: .milliseconds(500))
                continue
            }
            if simulate != nil {
                guard let record = try await reports.model(fingerprint) else { continue }
                Talk.note("packshot: SIMULATED images for batches of \(record.name): they are flat 8x8 pictures")
                try await serve(try simulated(record), stores, drains: true)
            } else {
                let checkpoint = try ModelFolder.open(path)
                guard checkpoint.fingerprint == fingerprint.rawValue else {
                    throw CommandError(
                        .invalidInput,
                        "\(path) has changed since its batches were submitted: other weights are there now")
                }
                try await serve(PRXImageGenerators(checkpoint), stores, drains: true)
            }
        }
    }

    private struct PRXImageGenerators {
        let checkpoint: PRXCheckpoint
        init(_ checkpoint: PRXCheckpoint) { self.checkpoint = checkpoint }
    }

    private func serve(_ generators: PRXImageGenerators, _ stores: Stores, drains: Bool) async throws {
        let share = max(1, (threads ?? ModelFolder.defaultThreads) / concurrency)
        let lanes = (0..<concurrency).map { _ in PRXImageGenerator(checkpoint: generators.checkpoint, threads: share) }
        try await serve(lanes, stores, drains: drains)
    }

    private func simulated(_ model: ModelRecord) throws -> [any ImageGenerator] {
        guard let pace = simulate.flatMap(SimulatedImageGenerator.Pace.init) else { return [] }
        return (0..<concurrency).map { _ in SimulatedImageGenerator(pace: pace, model: model) }
    }

    // MARK: Running

    /// Runs one worker a lane. A lane is a worker of its own in the ledger, at its share of the price.
    private func serve(_ generators: [any ImageGenerator], _ stores: Stores, drains: Bool) async throws {
        let host = ProcessInfo.processInfo.hostName
        let logger = Logger(label: "packshot.worker")
        let price = MicroDollars(rawValue: (MicroDollars(dollars: rate) ?? .zero).rawValue / Int64(generators.count))
        let card = RateCard(
            name: generators.count == 1 ? rateCard : "\(rateCard)/\(generators.count)", perHour: price)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        for generator in generators {
            var configuration = WorkerConfiguration(
                id: .fresh(host: host, processID: getpid()), host: host, processID: getpid(),
                version: PackshotVersion.current, rateCard: card,
                outputRoot: out.map { URL(fileURLWithPath: $0).standardizedFileURL.path })
            configuration.lease = lease.value
            configuration.grace = grace.value
            configuration.stepTimeout = stepTimeout.value
            configuration.drains = drains
            let (ledger, _) = try await stores.ledger()
            let workerStores = WorkerStores(
                ledger: ledger, batches: ledger, queue: try RedisJobQueue(stores.redis),
                heartbeatLedger: PostgresLedger(PostgresConnection(stores.postgres)),
                heartbeatQueue: try RedisJobQueue(stores.redis),
                embeddings: EmbeddingCache(
                    memoryBytes: embeddingMemory << 20, store: RedisEmbeddingStore(stores.redis),
                    holder: configuration.id.rawValue, logger: logger))
            services.append(
                .init(
                    service: WorkerService(
                        configuration: configuration, generator: generator, stores: workerStores, logger: logger),
                    successTerminationBehavior: .ignore, failureTerminationBehavior: .gracefullyShutdownGroup))
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// Remembers that somebody asked the process to stop while no worker runs that could hear it.
private final class StopRequest: Sendable {
    /// True once SIGTERM or SIGINT has come.
    var isRequested: Bool { PendingSignal.received != 0 }

    init() {
        for number in [SIGTERM, SIGINT] {
            signal(number) { PendingSignal.received = $0 }
        }
    }
}

private enum PendingSignal {
    /// Written by a signal handler, read by the loop: a plain store is all a handler may do.
    nonisolated(unsafe) static var received: sig_atomic_t = 0
}

/// A duration on the command line: `500ms`, `15s`, `2m`.
package struct DurationArgument: ExpressibleByArgument, Sendable {
    package let value: Duration

    init(_ value: Duration) { self.value = value }

    package init?(argument: String) {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
        guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }),
            let number = Double(argument.dropLast(unit.count)), number >= 0, number * factor <= 86_400 * 7
        else { return nil }
        value = .seconds(number * factor)
    }

    package var defaultValueDescription: String {
        let seconds = value / .seconds(1)
        return seconds == seconds.rounded() ? "\(Int(seconds))s" : "\(seconds)s"
    }
}
