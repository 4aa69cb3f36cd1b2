package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis

/// `packshot retry`: gives jobs another chance.
package struct RetryCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Make discarded jobs available again, with all their attempts.",
        discussion: """
            Without --where state=… it takes discarded jobs (the dead letters). It also takes cancelled ones and those waiting \
            for their next attempt, if asked: --where state=cancelled, --where state=retryable.
            """)

    @OptionGroup package var jobs: JobSelectionOptions

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    private static let chunk = 5_000

    package func run() async throws {
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger()
        let queue = try await stores.queue(isQuiet: json)
        var selection = try await jobs.selection(reports)
        if selection.states.isEmpty { selection.states = [.discarded] }
        var count = 0
        while true {
            let entries = try await ledger.retry(selection, limit: Self.chunk)
            if entries.isEmpty { break }
            try await queue.dispatch(entries)
            count += entries.count
        }
        if json { try Talk.json(["retried": count]) } else { Talk.result("\(count) jobs are available again") }
    }
}
