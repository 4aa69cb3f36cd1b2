package import PackshotJobs

/// Carries jobs from the ledger to the queue.
package struct Dispatcher: Sendable {
    /// Jobs given to the queue between two marks: at most so many are given twice after a crash.
    private static let chunk = 50_000

    private let ledger: any BatchLedger
    private let queue: any JobQueue

    package init(ledger: any BatchLedger, queue: any JobQueue) {
        self.ledger = ledger
        self.queue = queue
    }

    /// Dispatches what a batch still owes the queue, in order. After a crash in the middle, a second call dispatches at
    /// most one chunk again, which is harmless.
    /// - Returns: Jobs dispatched.
    @discardableResult
    package func dispatch(_ batch: BatchID) async throws -> Int {
        var count = 0
        while true {
            let entries = try await ledger.undispatched(batch, limit: Self.chunk)
            guard let last = entries.map(\.last).max() else { return count }
            try await queue.dispatch(entries)
            try await ledger.markDispatched(batch, through: last)
            count += entries.reduce(0) { $0 + $1.count }
        }
    }
}
