package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot jobs`: single jobs, such as the dead letters.
package struct JobsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List jobs: --where state=discarded shows what was given up, and why.")

    @OptionGroup package var jobs: JobSelectionOptions

    @Option(help: "Show at most so many (default: 100).")
    package var limit: Int?

    @Flag(help: "Show all, however many.")
    package var all = false

    @Flag(help: "Print them as JSON.")
    package var json = false

    package init() {}

    package func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1") }
        guard limit == nil || !all else { throw ValidationError("give --limit or --all, not both") }
    }

    package func run() async throws {
        let (_, reports) = try await Stores.ledger(Stores.postgres(), for: .read)
        let selection = try await jobs.selection(reports)
        let most = all ? Int(Int32.max) : limit ?? 100
        let rows = try await reports.jobs(selection, limit: most)
        if rows.count == most {
            Shortened.tell(
                shown: rows.count, of: try await reports.jobCount(selection, most: 1_000_000), atMost: 1_000_000,
                "jobs", more: "--limit N or --all shows more")
        }
        if json {
            try Talk.json(rows)
            return
        }
        for row in rows {
            let why = row.reason.map { "  \($0): \(row.message ?? "")" } ?? ""
            Talk.line(
                "\(row.job)  \(row.state)  \(row.sku)  \(row.shot)-\(row.variant)  attempt \(row.attempt) of \(row.maxAttempts)\(why)"
            )
        }
    }
}
