import PackshotJobs

/// A rule broken on purpose, to see that the simulation notices.
struct Sabotage: Sendable, CustomStringConvertible {
    /// Rules that the worker keeps.
    enum Worker: String, CaseIterable, Sendable {
        case settlesBeforeTheFileIsThere, skipsTheFolderSync, writesUnderTheFinalName
        case neverRescues, neverReconciles
        case chargesFromTheClaim, worksTwiceOnWhatItHolds, refusesHandBacksAfterGrace, takesWaitingForHanging
        case leavesBeforeTheQueueKnows
    }

    /// Rules that the queue keeps, or need not keep.
    enum Queue: String, Sendable {
        case pretendsToHoldEverything, forgetsEntries
    }

    var worker: Worker?
    var queue: Queue?
    var ledger: SaboteurLedger.Rule?

    var description: String {
        [
            worker.map { "a worker that \($0)" }, queue.map { "a queue that \($0)" },
            ledger.map { "a ledger that \($0)" },
        ]
        .compactMap { $0 }.joined(separator: ", ")
    }
}
