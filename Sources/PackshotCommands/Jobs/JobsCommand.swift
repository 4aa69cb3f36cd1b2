package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot jobs`: single jobs, such as the dead letters.
package struct JobsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List jobs: --where state=discarded shows what was given up, and why.")

    @OptionGroup package var jobs: JobSelectionOptions

    @Option(help: "Show at most so many.")
    package var limit = 100

    @Flag(help: "Print them as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let (_, reports) = try await Stores.ledger(Stores.postgres())
        let rows = try await reports.jobs(try await jobs.selection(reports), limit: limit)
        if json {
            try Talk.json(rows)
            return
        }
        for row in rows {
            let why = row.reason.map { "  \($0): \(row.message ?? "")" } ?? ""
            Talk.result(
                "\(row.job)  \(row.state)  \(row.sku)  \(row.shot)-\(row.variant)  attempt \(row.attempt) of \(row.maxAttempts)\(why)"
            )
        }
    }
}
