internal import PackshotJobs
internal import Synchronization

/// A worker's own clock, in microseconds since it registered, and the stretches of it that attempts are charged with.
///
/// Stages of neighbouring jobs overlap, so an attempt is charged from where the charge before it ended (or from its own
/// claim, if that was later) to its end. The stretches never overlap, and what lies between them is idle time: together
/// they are the worker's life, exactly.
package final class WorkerTimeline: Sendable {
    private let clock: any WorkerClock
    private let start: Duration
    private let chargedUntil = Mutex<Int64>(0)

    /// A time line that begins now.
    package init(_ clock: any WorkerClock) {
        self.clock = clock
        start = clock.now
    }

    /// Microseconds since the beginning.
    package var now: Int64 { (clock.now - start).wholeMicroseconds }

    /// Closes the stretch of an attempt that was claimed at `claimedAt` and ends now.
    package func charge(claimedAt: Int64) -> (from: Int64, to: Int64) {
        chargedUntil.withLock { until in
            let to = max(until, now)
            let from = min(max(until, claimedAt), to)
            until = to
            return (from, to)
        }
    }
}
