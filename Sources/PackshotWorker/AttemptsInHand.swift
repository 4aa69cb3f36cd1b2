internal import PackshotJobs

/// The attempts a worker holds at this moment, one a job.
final class AttemptsInHand: Sendable {
    private struct State {
        var attempts: [JobID: (control: AttemptControl, delivery: Delivery)] = [:]
        var waitsForNobody = false
    }

    private let state = Monitor(State())

    func add(_ held: [HeldAttempt]) {
        state.change { state in
            for attempt in held { state.attempts[attempt.job.id] = (attempt.control, attempt.delivery) }
        }
    }

    func remove(_ jobs: [JobID]) {
        state.change { state in
            for job in jobs { state.attempts.removeValue(forKey: job) }
        }
    }

    /// In the order of their jobs' numbers.
    var all: [(control: AttemptControl, delivery: Delivery)] {
        state.read { $0.attempts.values.sorted { $0.control.job < $1.control.job } }
    }

    var isEmpty: Bool { state.read(\.attempts.isEmpty) }

    /// Those deliveries whose jobs are not in hand.
    func unknown(_ deliveries: [Delivery]) -> [Delivery] {
        state.read { state in deliveries.filter { state.attempts[$0.job] == nil } }
    }

    /// Returns once at most so many attempts are in hand, after ``waitForNobody()``, or when the task is cancelled.
    func wait(untilAtMost most: Int) async {
        await state.wait { $0.attempts.count <= most || $0.waitsForNobody }
    }

    /// Ends every ``wait(untilAtMost:)``, also those to come, as when the worker stops.
    func waitForNobody() {
        state.change { $0.waitsForNobody = true }
    }
}
