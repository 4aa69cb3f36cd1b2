/// The time a worker goes by. Nothing in this module asks for the time or waits for it in another way, so that a simulation can
/// let an hour pass in a moment.
package protocol WorkerClock: Sendable {
    /// Time since some fixed moment; it never runs backwards.
    var now: Duration { get }

    /// Returns after `duration`, or throws at once when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clock, which goes on while the machine is asleep.
package struct SystemClock: WorkerClock {
    private static let origin = ContinuousClock.now

    package init() {}

    package var now: Duration { ContinuousClock.now - Self.origin }

    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
