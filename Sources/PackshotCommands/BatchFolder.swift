package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// `--out FOLDER`: tells batches of one name apart.
package struct BatchFolder: ParsableArguments {
    @Option(help: "Folder the batch was submitted with --out, where several have its name.")
    package var out: String?

    package init() {}

    /// The batch a person means.
    /// - Parameter batch: Its name or number.
    /// - Throws: ``StoreError`` `.notFound`; `.ambiguous` when several have the name.
    func find(_ batch: String, _ reports: LedgerReports) async throws -> BatchID {
        guard let out else { return try await reports.findBatch(batch, outputRoot: nil) }
        let root = LedgerFolder.name(of: out, known: try await reports.outputRoots())
        return try await reports.findBatch(batch, outputRoot: root)
    }
}
