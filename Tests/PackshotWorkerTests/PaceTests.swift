import PackshotJobs
import PackshotWorker
import Testing

@Suite("Simulated images and worker time")
struct PaceTests {
    @Test(arguments: [
        ("2s", 2.0, 0.0), ("200ms", 0.2, 0), ("1.5s±20%", 1.5, 0.2), ("2s+-50%", 2, 0.5), ("0", 0, 0), ("1m", 60, 0),
    ])
    func timesAreRead(text: String, mean: Double, spread: Double) {
        #expect(SimulatedImageGenerator.Pace(text) == SimulatedImageGenerator.Pace(mean: mean, spread: spread))
    }

    @Test(arguments: ["", "soon", "-1s", "2", "2s±120%", "2s±", "inf s", "nans", "99999999s"])
    func otherTextsAreNoTimes(text: String) {
        #expect(SimulatedImageGenerator.Pace(text) == nil)
    }

    /// Whatever overlaps, an attempt is charged from where the one before ended, and stretches never overlap.
    @Test func stretchesOfAWorkersTimeNeverOverlap() async throws {
        let timeline = WorkerTimeline(SystemClock())
        var last: Int64 = 0
        for _ in 0..<50 {
            let claimedAt = timeline.now
            let (from, to) = timeline.charge(claimedAt: max(0, claimedAt - 1_000))
            #expect(from >= last && to >= from)
            last = to
        }
        #expect(timeline.now >= last)
    }
}
