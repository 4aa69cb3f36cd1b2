/// How long a failed job waits for its next attempt: exponential backoff with jitter, bounded.
package struct RetryPolicy: Hashable, Sendable {
    /// Wait after the first failure, before jitter.
    package var base: Duration
    /// Upper bound of every wait, before jitter.
    package var cap: Duration
    /// Share of the wait that is random, `0...1`: 0.5 gives 75 % to 125 %.
    package var jitter: Double

    /// Two seconds, doubling, at most ten minutes, give or take a quarter.
    package static let standard = RetryPolicy(base: .seconds(2), cap: .seconds(600), jitter: 0.5)

    package init(base: Duration, cap: Duration, jitter: Double) {
        precondition(base >= .zero && cap >= base && (0...1).contains(jitter), "a retry policy out of range")
        self.base = base
        self.cap = cap
        self.jitter = jitter
    }

    /// The wait after a number of failed attempts.
    /// - Parameters:
    ///   - attempts: Attempts so far, at least 1.
    ///   - random: A number in `0..<1`; the caller draws it, so the function stays pure.
    package func delay(afterAttempts attempts: Int, random: Double) -> Duration {
        precondition(attempts >= 1 && random >= 0 && random < 1, "attempts start at 1 and random is in 0..<1")
        let doublings = min(attempts - 1, 40)
        var wait = base
        for _ in 0..<doublings where wait < cap { wait = wait * 2 }
        return min(wait, cap) * (1 + jitter * (random - 0.5))
    }
}
