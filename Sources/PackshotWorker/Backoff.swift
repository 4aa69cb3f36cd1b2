/// Growing pauses between tries at something that is away: 0.1 s, doubling to 5 s, each with half its length random, so
/// that a fleet does not come back all at once.
struct Backoff {
    private var next: Duration = .milliseconds(100)

    /// Sleeps the next pause; returns early when the task is cancelled.
    mutating func wait() async {
        let pause = next * Double.random(in: 0.5..<1)
        next = min(next * 2, .seconds(5))
        try? await Task.sleep(for: pause)
    }
}
