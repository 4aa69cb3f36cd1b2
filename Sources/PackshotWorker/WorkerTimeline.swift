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
    /// Where the last charge ended, and where the sampler was last done with an attempt.
    private let marks = Mutex<(charged: Int64, sampled: Int64)>((0, 0))

    /// A time line that begins now.
    package init(_ clock: any WorkerClock) {
        self.clock = clock
        start = clock.now
    }

    /// Microseconds since the beginning.
    package var now: Int64 { (clock.now - start).wholeMicroseconds }

    /// Closes the stretch of an attempt that was claimed at `claimedAt` and ends now.
    package func charge(claimedAt: Int64) -> (from: Int64, to: Int64) {
        marks.withLock { marks in
            let to = max(marks.charged, now)
            let from = min(max(marks.charged, claimedAt), to)
            marks.charged = to
            return (from, to)
        }
    }

    /// The sampler is done with an attempt: what follows is not that one's, although its charge is still to come.
    package func samplingEnded() {
        marks.withLock { $0.sampled = now }
    }

    /// What an attempt in the sampler would be charged with if it ended now, at the least.
    package func openStretch(claimedAt: Int64) -> (from: Int64, to: Int64) {
        marks.withLock { marks in
            let to = now
            return (min(max(marks.charged, marks.sampled, claimedAt), to), to)
        }
    }
}
