/// Growing pauses between tries at something that is away: 0.1 s, doubling to 2.5 s, each with half its length random, so
/// that a fleet does not come back all at once, and is back within three seconds.
struct Backoff {
    private var next: Duration = .milliseconds(100)

    /// Sleeps the next pause; returns early when the task is cancelled.
    mutating func wait() async {
        let pause = next * Double.random(in: 0.5..<1)
        next = min(next * 2, .milliseconds(2_500))
        try? await Task.sleep(for: pause)
    }
}
