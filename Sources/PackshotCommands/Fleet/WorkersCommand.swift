package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot workers`: who works.
package struct WorkersCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List the workers heard of within a minute.",
        discussion: "A worker's id is its host, its process id and a part that is new with every start.")

    @Flag(help: "Also those that stopped or died.")
    package var all = false

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        let workers = try await reports.workers(all: all)
        if !all {
            Shortened.tell(
                shown: workers.count, of: try await reports.workerCount(), "that stopped or died",
                more: "--all shows them")
        }
        if json {
            try Talk.json(workers)
            return
        }
        for worker in workers {
            let state =
                worker.isStopped
                ? "stopped" : worker.isDraining ? "draining" : "heard \(Int(worker.secondsSinceHeartbeat)) s ago"
            Talk.line(
                [
                    worker.id, worker.model, "\(worker.threads) threads (\(worker.kernelClass))",
                    "\(worker.rateCard) \(MicroDollars(rawValue: worker.microdollarsPerHour)) an hour",
                    "\(worker.images) images", "\(Int((worker.busyShare * 100).rounded())) % busy",
                    Self.work(of: worker), state,
                ].joined(separator: "  "))
        }
    }

    private static func work(of worker: LedgerReports.WorkerReport) -> String {
        guard let job = worker.job else { return "idle" }
        guard let step = worker.step, let steps = worker.steps, steps > 0 else { return "job \(job)" }
        return "job \(job), step \(step) of \(steps)"
    }
}
