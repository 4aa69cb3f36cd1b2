package import ArgumentParser
internal import Logging
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// What `pause` and `resume` act on.
package struct PauseTarget: ParsableArguments {
    @Argument(help: "A batch's name or number.")
    package var batch: String?

    @OptionGroup package var folder: BatchFolder

    @Option(help: "Every job of the model with this name, fingerprint or folder.")
    package var model: String?

    package init() {}

    package func validate() throws {
        guard (batch == nil) != (model == nil) else { throw ValidationError("give a batch, or --model") }
    }
}

/// `packshot pause`: nothing more is begun.
package struct PauseCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Begin no more jobs of a batch or a model.",
        discussion: "Images being made are finished. packshot resume goes on.")

    @OptionGroup package var target: PauseTarget

    package init() {}

    package func run() async throws {
        let (ledger, reports) = try await Stores.ledger(Stores.postgres())
        if let batch = target.batch {
            try await ledger.pause(try await target.folder.find(batch, reports))
            Talk.result("batch \(batch) is paused")
        } else if let name = target.model {
            try await ledger.changeLimits(try await reports.namedModel(name)) { $0.isPaused = true }
            Talk.result("model \(name) is paused")
        }
    }
}

/// `packshot resume`: goes on where `pause` stopped, or where a budget did.
package struct ResumeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a paused batch or model.",
        discussion: "A batch that stopped because its budget was used up needs a larger one: --max-cost.")

    @OptionGroup package var target: PauseTarget

    @Option(
        name: .customLong("max-cost"),
        help: "New budget of the batch in US dollars, what it cost so far included; none for any amount.")
    package var maxCost: String?

    package init() {}

    package func validate() throws {
        guard maxCost == nil || target.batch != nil else { throw ValidationError("--max-cost is for a batch") }
        if let maxCost, maxCost != "none", MicroDollars(dollars: maxCost) == nil {
            throw ValidationError("--max-cost is an amount in US dollars, such as 12.50, or none")
        }
    }

    package func run() async throws {
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger()
        let queue = try await stores.queue(of: ledger)
        let model: ModelFingerprint
        if let name = target.batch {
            let batch = try await target.folder.find(name, reports)
            if let maxCost { try await ledger.setBudget(batch, MicroDollars(dollars: maxCost)) }
            try await ledger.resume(batch)
            model = try await reports.model(of: batch)
        } else {
            model = try await reports.namedModel(target.model ?? "")
            try await ledger.changeLimits(model) { $0.isPaused = false }
        }
        let mark = try await ledger.identity().mark
        let dispatched = try await Chores(
            ledger: ledger, of: mark.ledger, queue: queue, files: ImageFileStore(of: mark),
            logger: Logger(label: "packshot") { StandardErrorLog(label: $0) }
        ).reconcile(
            model: model, grace: .zero)
        Talk.result("resumed; \(dispatched) jobs given back to the queue")
    }
}
