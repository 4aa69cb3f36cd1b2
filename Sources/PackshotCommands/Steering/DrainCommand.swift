package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot drain`: asks workers to leave.
package struct DrainCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Ask workers to finish what they are doing and exit.",
        discussion: "As kill -TERM on their machines, from anywhere. packshot workers lists their names.")

    @Argument(help: "Names of workers, as packshot workers shows them.")
    package var workers: [String] = []

    @Flag(help: "Every worker that is alive.")
    package var all = false

    package init() {}

    package func validate() throws {
        guard all == workers.isEmpty else { throw ValidationError("name the workers, or --all") }
    }

    package func run() async throws {
        let (ledger, reports) = try await Stores.ledger(Stores.postgres())
        let names = all ? try await reports.workers(all: false).map(\.id) : workers
        let asked = try await ledger.drain(names.map(WorkerID.init(rawValue:)))
        let unknown = Set(names).subtracting(asked.map(\.rawValue))
        for worker in asked { Talk.result(worker.rawValue) }
        if !unknown.isEmpty {
            throw CommandError(.notFound, "no such worker is running: \(unknown.sorted().joined(separator: ", "))")
        }
    }
}
