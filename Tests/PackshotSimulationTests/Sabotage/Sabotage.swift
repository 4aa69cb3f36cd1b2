import PackshotJobs

/// A rule broken on purpose, to see that the simulation notices.
struct Sabotage: Sendable, CustomStringConvertible {
    /// Rules that a file store keeps. Those of the worker's own loops are broken by the patches of `ops/sabotage`.
    enum Files: String, CaseIterable, Sendable {
        case saysTooEarly, skipsTheFolderSync, writesUnderTheFinalName
    }

    /// Rules that the queue keeps, or need not keep.
    enum Queue: String, Sendable {
        case pretendsToHoldEverything, forgetsEntries
    }

    var files: Files?
    var queue: Queue?
    var ledger: SaboteurLedger.Rule?

    var description: String {
        [
            files.map { "a file store that \($0)" }, queue.map { "a queue that \($0)" },
            ledger.map { "a ledger that \($0)" },
        ]
        .compactMap { $0 }.joined(separator: ", ")
    }
}
