package import ArgumentParser
internal import Foundation
internal import Glibc
internal import Logging
internal import PRX
internal import PackshotJobs
internal import PackshotPostgres
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

    @Option(
        help: "Images to work on at the same time, each with its share of the threads: a number, or auto (measured).")
    package var concurrency = ConcurrencyArgument.auto

    @Option(
        help: "CPU threads in all, at most one for each CPU (default: all). They change the speed, never the bytes.")
    package var threads: Int?

    @Flag(help: "Exit 0 when no unfinished jobs are left.")
    package var drain = false

    @Option(help: "Only wait so long for each image, such as 2s±20%, and write a small one: no model is loaded.")
    package var simulate: String?

    @Option(
        name: .customLong("simulate-crash"),
        help: ArgumentHelp("With --simulate: prompts that contain this text kill the process.", visibility: .hidden))
    package var simulateCrash: String?

    @Option(
        name: .customLong("simulate-hang"),
        help: ArgumentHelp("With --simulate: prompts that contain this text never end.", visibility: .hidden))
    package var simulateHang: String?

    @Flag(
        name: .customLong("no-files"),
        help: "With --simulate: write no image files, to measure everything else.")
    package var noFiles = false

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
        if case .number(let number) = concurrency, !(1...64).contains(number) {
            throw ValidationError("--concurrency is 1 to 64, or auto")
        }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is 1 to 1024") }
        if let simulate, SimulatedImageGenerator.Pace(simulate) == nil {
            throw ValidationError("--simulate is a time with a unit, such as 200ms or 2s±20%")
        }
        guard simulate != nil || (!noFiles && simulateCrash == nil && simulateHang == nil) else {
            throw ValidationError("--no-files, --simulate-crash and --simulate-hang go with --simulate")
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
        // A limit on the size of files is an error of write like others, not a reason to die with a job in hand.
        signal(SIGXFSZ, SIG_IGN)
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger()
        _ = try await stores.queue(of: ledger)
        let mark = try await ledger.identity().mark
        if let out { try OutputFolder.claim(try await OutputFolder.name(of: out, in: ledger), for: mark) }
        // Until the ledger is asked for models, workers need the connections.
        await reports.disconnect()
        let lanes = WorkerLanes(settings: laneSettings, stores: stores, mark: mark)
        let service: any Service
        if let model {
            service = FixedModelService(
                generators: try generators(ModelFolder.open(model)), lanes: lanes, drains: drain)
        } else {
            service = LedgerModelsService(
                reports: reports, lanes: lanes, drains: drain, makeGenerators: generators)
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: lanes.logger))
        try await group.run()
    }

    /// One generator a lane, each with its share of the threads.
    @Sendable
    private func generators(_ checkpoint: PRXCheckpoint) throws -> [any ImageGenerator] {
        if let pace = simulate.flatMap(SimulatedImageGenerator.Pace.init) {
            let model = try ModelRecord(checkpoint)
            let faults = SimulatedImageGenerator.Faults(crash: simulateCrash, hang: simulateHang)
            let count = if case .number(let number) = concurrency { number } else { 1 }
            return (0..<count).map { _ in SimulatedImageGenerator(pace: pace, model: model, faults: faults) }
        }
        let threads = min(threads ?? ModelFolder.defaultThreads, ModelFolder.defaultThreads)
        if let asked = self.threads, asked > threads {
            Logger(label: "packshot.worker").notice(
                "--threads is more than the CPUs there are: \(threads) instead of \(asked)")
        }
        let (count, reason) = try concurrency.arrangement(of: threads, for: checkpoint)
        let share = max(1, threads / count)
        Logger(label: "packshot.worker").notice(
            "images at the same time: \(count), on \(share) thread\(share == 1 ? "" : "s") each",
            metadata: ["why": "\(reason)"])
        return try (0..<count).map { _ in try PRXImageGenerator(checkpoint: checkpoint, threads: share) }
    }

    private var laneSettings: WorkerLanes.Settings {
        WorkerLanes.Settings(
            writesFiles: !noFiles, out: out.map { URL(fileURLWithPath: $0).standardizedFileURL.path },
            lease: lease.value, grace: grace.value,
            stepTimeout: stepTimeout.value, embeddingBytes: embeddingMemory << 20, rateCard: rateCard,
            perHour: MicroDollars(dollars: rate) ?? .zero)
    }
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
