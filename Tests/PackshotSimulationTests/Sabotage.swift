import PackshotJobs

/// A rule broken on purpose, to see that the simulation notices.
struct Sabotage: Sendable {
    /// Rules the worker's code keeps.
    enum Worker: Sendable {
        case settlesBeforeTheFileIsThere, skipsTheFolderSync, writesUnderTheFinalName
        case neverRescues, neverReconciles
        case chargesFromTheClaim, worksTwiceOnWhatItHolds, refusesHandBacksAfterGrace, takesWaitingForHanging
    }

    /// A queue that does not do what it says.
    struct Queue: Sendable {
        /// Answers for the jobs it holds.
        var pretendedJobs: @Sendable (Set<JobID>) -> Set<JobID> = { $0 }
        /// After entries were added.
        var didDispatch: @Sendable (inout MemoryQueueContent, [DispatchEntry]) -> Void = { _, _ in }
    }

    var worker: Worker?
    var queue: Queue?
    /// Puts something between the fleet and the ledger.
    var ledger: (@Sendable (MemoryLedger, StoreClock) -> any JobLedger & BatchLedger)?
}
