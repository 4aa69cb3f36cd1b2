package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `packshot cancel`: stops jobs for good.
package struct CancelCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel jobs, also those being worked on.",
        discussion: """
            A running image stops at its worker's next checkpoint, within a denoising step; what it cost is kept as waste and \
            no file is left. Finished images stay. packshot retry makes cancelled jobs available again.

            Conditions alone select from all batches of the fleet; --all says that this is meant.
            """)

    @OptionGroup package var jobs: JobSelectionOptions

    @Flag(help: "Also without a batch or model: of the whole fleet.")
    package var all = false

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let (ledger, reports) = try await Stores.ledger(Stores.postgres())
        let selection = try await jobs.selection(reports, orAll: all)
        if selection.batch == nil, selection.model == nil, selection.job == nil, !all {
            var unfinished = selection
            if unfinished.states.isEmpty { unfinished.states = Set(JobState.allCases.filter { !$0.isFinal }) }
            let most = 1_000_000
            let count = try await reports.jobCount(unfinished, most: most)
            throw CommandError(
                .usage,
                "this selects \(count == most ? "more than " : "")\(count) jobs of all batches; name a batch or --model, or say --all"
            )
        }
        let count = try await ledger.cancel(selection)
        if json { try Talk.json(["cancelled": count]) } else { Talk.result("\(count) jobs cancelled") }
    }
}
