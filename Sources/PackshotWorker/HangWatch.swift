internal import PackshotJobs

/// Tells a sampler that hangs from one that takes long.
///
/// Only who is in the sampler is watched: a finished image that waits for the ledger makes no steps. And only time in which this
/// process was seen running counts: one that stood still, or whose machine was asleep, made no steps either.
struct HangWatch {
    private let limit: Duration
    /// Attempts in the sampler, how far each was at the last look, and how long it has been there.
    private var seen: [AttemptID: (mark: Int, stalled: Duration)] = [:]

    /// - Parameter limit: A sampler that makes no step for this long hangs.
    init(limit: Duration) {
        self.limit = limit
    }

    /// Looks at what is in hand.
    /// - Parameter interval: The time between two looks as it was meant to be; what it took beyond that does not count.
    /// - Returns: An attempt the sampler hangs on.
    mutating func look(at attempts: [AttemptControl], every interval: Duration) -> AttemptControl? {
        var now: [AttemptID: (mark: Int, stalled: Duration)] = [:]
        var hung: AttemptControl?
        for control in attempts {
            guard let mark = control.samplingMark else { continue }
            let stalled = seen[control.attempt].map { $0.mark == mark ? $0.stalled + interval : .zero } ?? .zero
            now[control.attempt] = (mark, stalled)
            if stalled > limit, hung == nil { hung = control }
        }
        seen = now
        return hung
    }
}
