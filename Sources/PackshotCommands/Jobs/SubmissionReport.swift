internal import PackshotPostgres

/// What a submission came to, as `enqueue --json` prints it.
struct SubmissionReport: Encodable {
    let batch: String
    let id: Int64
    let products: Int
    let submitted: Int
    let created: Int
    let existing: Int
    let dispatched: Int
    /// Where the images are, by batch and state, when not all of them were new.
    let known: [KnownImages.Group]
    /// Images that the ledger has as made and whose files are not there: how many, and the first of them.
    let missingFiles: Int
    let missing: [KnownImages.Missing]
    let cutPrompts: PromptLosses.Cut?
    let warnings: [String]
    let status: LedgerReports.BatchReport?
}
