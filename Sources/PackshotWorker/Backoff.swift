/// Growing pauses between tries at something that is away: 0.1 s, doubling to 2.5 s, each with half its length random, so
/// that a fleet does not come back all at once, and is back within three seconds.
struct Backoff {
    private let environment: WorkerEnvironment
    private var next: Duration = .milliseconds(100)

    init(_ environment: WorkerEnvironment) {
        self.environment = environment
    }

    /// Sleeps the next pause; returns early when the task is cancelled.
    mutating func wait() async {
        let pause = next * (0.5 + environment.random() / 2)
        next = min(next * 2, .milliseconds(2_500))
        try? await environment.clock.sleep(for: pause)
    }
}
