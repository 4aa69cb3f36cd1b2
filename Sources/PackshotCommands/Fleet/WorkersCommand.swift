package import ArgumentParser
internal import PackshotPostgres

/// `packshot workers`: who works.
package struct WorkersCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List the workers heard of within a minute.")

    @Flag(help: "Also those that stopped or died.")
    package var all = false

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let (_, reports) = try await Stores.ledger(Stores.postgres())
        let workers = try await reports.workers(all: all)
        if json {
            try Talk.json(workers)
            return
        }
        for worker in workers {
            let state =
                worker.isStopped
                ? "stopped" : worker.isDraining ? "draining" : "heard \(Int(worker.secondsSinceHeartbeat)) s ago"
            Talk.result(
                "\(worker.id)  \(worker.model)  \(worker.threads) threads (\(worker.kernelClass))  \(worker.images) images  \(Int((worker.busyShare * 100).rounded())) % busy  \(state)"
            )
        }
    }
}
