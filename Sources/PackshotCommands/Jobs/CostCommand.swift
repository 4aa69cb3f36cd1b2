package import ArgumentParser
internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot cost`: what a batch cost, or whether all of the fleet's time is accounted for.
package struct CostCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cost", abstract: "Show what a batch cost, or account for every worker's time.",
        discussion: "With --reconcile: worker time x price must equal images + waste + idle, to the micro-dollar.")

    @Argument(help: "A batch's name or number.")
    package var batch: String?

    @OptionGroup package var folder: BatchFolder

    @Flag(help: "Account for every worker's time; exit code 7 if a micro-dollar is missing.")
    package var reconcile = false

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        guard reconcile != (batch != nil) else { throw ValidationError("give a batch, or --reconcile") }
    }

    package func run() async throws {
        let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        if let batch {
            let report = try await reports.batch(try await folder.find(batch, reports))
            if json { try Talk.json(report) } else { Talk.result(BatchTable(report: report).text) }
            return
        }
        let all = try await reports.reconciliation()
        if json {
            try Talk.json(all)
        } else {
            let rows = [
                ("images", all.images), ("waste", all.waste), ("idle", all.idle), ("workers' time", all.total),
                ("difference", all.difference),
            ]
            Talk.result(Columns.text(rows.map { ($0.0, MicroDollars(rawValue: $0.1).description) }))
        }
        guard all.difference == 0 else {
            throw CommandError(.verificationFailed, "the workers' time is not all accounted for")
        }
    }
}
