package import ArgumentParser
internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot cost`: what a batch cost, or whether all of the fleet's time is accounted for.
package struct CostCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cost", abstract: "Show what a batch cost, or account for every worker's time.",
        discussion: """
            With --reconcile: worker time x price must equal images + waste + idle, to the micro-dollar; no stretch of a worker's time \
            may be charged twice, and no worker for longer than it lived. What is wrong is named.
            """)

    @Argument(help: "A batch's name or number.")
    package var batch: String?

    @OptionGroup package var folder: BatchFolder

    @Flag(help: "Account for every worker's time; exit code 7 if it does not add up or cannot be.")
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
            Talk.result(
                Columns.text(
                    rows.map { ($0.0, MicroDollars(rawValue: $0.1).description) }
                        + all.faults.map { ("wrong", $0.text) }))
        }
        guard all.isSound else {
            throw CommandError(
                .verificationFailed,
                all.faults.isEmpty
                    ? "the workers' time is not all accounted for"
                    : "the workers' time is charged wrongly: \(all.faults[0].text)\(all.faults.count > 1 ? ", and more" : "")"
            )
        }
    }
}

extension LedgerReports.Fault {
    /// Which worker, which attempts, and by how much.
    var text: String {
        let seconds = MicroDollars(rawValue: amount).description.dropFirst()
        let named = attempts.map(String.init).joined(separator: " and ")
        return switch kind {
        case .chargedTwice: "worker \(worker): attempts \(named) are both charged with the same \(seconds) s"
        case .priced:
            "worker \(worker): attempt \(named) costs \(MicroDollars(rawValue: amount)) more than its time at its price"
        case .outlived: "worker \(worker): its time is \(seconds) s longer than it was there"
        case .overdrawn:
            "worker \(worker): what its deleted attempts cost is \(MicroDollars(rawValue: amount)) more than its time left"
        }
    }
}
