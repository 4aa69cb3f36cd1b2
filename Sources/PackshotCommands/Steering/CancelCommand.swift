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
            """)

    @OptionGroup package var jobs: JobSelectionOptions

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let (ledger, reports) = try await Stores.ledger(Stores.postgres())
        let count = try await ledger.cancel(try await jobs.selection(reports))
        if json { try Talk.json(["cancelled": count]) } else { Talk.result("\(count) jobs cancelled") }
    }
}
