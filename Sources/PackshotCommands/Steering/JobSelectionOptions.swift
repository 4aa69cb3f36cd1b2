package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres

/// `[BATCH] [--where KEY=VALUE]…`: which jobs a person means.
package struct JobSelectionOptions: ParsableArguments {
    @Argument(help: "A batch's name or number.")
    package var batch: String?

    @OptionGroup package var folder: BatchFolder

    @Option(
        name: .customLong("where"), parsing: .singleValue,
        help: "Narrow down by job=, state=, sku=, shot= or reason=; * stands for any text. May be repeated.")
    package var conditions: [String] = []

    @Option(help: "Only jobs of the model with this name, fingerprint or folder.")
    package var model: String?

    package init() {}

    /// The selection, its names looked up.
    /// - Parameter isEverythingFine: Nothing selected means every job there is.
    /// - Throws: ``CommandError`` `.usage` for a bad condition or when nothing is selected; ``StoreError`` `.notFound`.
    func selection(_ reports: LedgerReports, orAll isEverythingFine: Bool = false) async throws -> JobSelection {
        guard isEverythingFine || batch != nil || model != nil || !conditions.isEmpty else {
            throw CommandError(.usage, "say which jobs: a batch, --model or --where KEY=VALUE")
        }
        var selection = JobSelection()
        for condition in conditions {
            do { try selection.narrow(condition) } catch { throw CommandError(.usage, "--where \(error)") }
        }
        if let batch { selection.batch = try await folder.find(batch, reports) }
        if let model { selection.model = try await reports.namedModel(model) }
        return selection
    }
}
