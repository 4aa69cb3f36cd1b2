import PackshotWorker
import Synchronization

/// A clock that stands still until somebody moves its hands.
final class HandClock: WorkerClock {
    private let time = Mutex(Duration.zero)

    var now: Duration { time.withLock { $0 } }

    func advance(by duration: Duration) { time.withLock { $0 += duration } }

    /// Time passes by being waited for.
    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        advance(by: duration)
    }
}
