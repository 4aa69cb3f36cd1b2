package import ArgumentParser
internal import Logging
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// `packshot reconcile`: gives the queue back what it has forgotten.
package struct ReconcileCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "reconcile", abstract: "Dispatch every job the ledger says is owed and the queue does not hold.",
        discussion: "Workers do the same by themselves; this does it now, such as after Redis lost its data.")

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    private struct Report: Encodable {
        let models: Int
        let dispatched: Int
    }

    package func run() async throws {
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger()
        let queue = try await stores.queue(of: ledger, isQuiet: json)
        let models = try await reports.modelsWithWork()
        let mark = try await ledger.identity().mark
        let chores = Chores(
            ledger: ledger, of: mark.ledger, queue: queue, files: ImageFileStore(of: mark),
            logger: Logger(label: "packshot") { StandardErrorLog(label: $0) })
        var count = 0
        for model in models { count += try await chores.reconcile(model: model, grace: .zero) }
        if json {
            try Talk.json(Report(models: models.count, dispatched: count))
        } else {
            Talk.result("\(count) jobs dispatched")
        }
    }
}
