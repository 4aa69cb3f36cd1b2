internal import Foundation

/// When the ledger was seen alive by whoever looks for lost jobs. Where no word was left for longer than two seconds, the rest
/// is silence: nobody could renew a lease then, and none runs out by it.
struct LedgerWatch: Sendable {
    private var lastPass: Date
    private var silent: TimeInterval = 0

    init(at date: Date) {
        lastPass = date
    }

    /// Seconds nobody had seen the ledger alive, up to a moment and since it was made.
    func silence(at date: Date) -> TimeInterval {
        silent + max(0, date.timeIntervalSince(lastPass) - 2)
    }

    /// Somebody looks for lost jobs.
    mutating func pass(at date: Date) {
        silent = silence(at: date)
        lastPass = max(lastPass, date)
    }
}
