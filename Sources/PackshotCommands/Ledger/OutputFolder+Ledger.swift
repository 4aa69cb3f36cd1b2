internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// `--out` of commands that work for a ledger.
extension OutputFolder {
    /// The one name the ledger has for a folder, through whatever links it was given.
    static func name(of out: String, in ledger: PostgresLedger) async throws -> String {
        LedgerFolder.name(of: out, known: try await ledger.outputRoots())
    }

    /// Makes sure that a folder is the ledger's, or will be by whoever writes there first.
    /// - Throws: ``CommandError`` `.invalidInput` if it is another ledger's.
    static func claim(_ folder: String, for mark: LedgerMark) throws {
        do {
            try LedgerFolder(mark).claimIfThere(folder)
        } catch let error as ImageFileStore.Failure where error.code == .foreignFolder {
            throw CommandError(.invalidInput, error.message)
        } catch is ImageFileStore.Failure {
            // A folder that cannot be looked at from here may be a worker's to write to.
        }
    }
}
