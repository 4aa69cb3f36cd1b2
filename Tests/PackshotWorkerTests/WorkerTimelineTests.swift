import PackshotWorker
import Testing

@Suite("A worker's time line")
struct WorkerTimelineTests {
    /// What an attempt has cost so far leaves out what is still to be charged to the one before it: the sampler was that one's.
    @Test func anOpenStretchBeginsWhereTheSamplerWasFree() {
        let clock = HandClock()
        let timeline = WorkerTimeline(clock)
        clock.advance(by: .microseconds(100))
        // Both were claimed together; the first is sampled for 900 microseconds.
        clock.advance(by: .microseconds(900))
        timeline.samplingEnded()
        clock.advance(by: .microseconds(50))
        #expect(timeline.openStretch(claimedAt: 100) == (1_000, 1_050))
        // Its file is written meanwhile, and then it is charged to the moment.
        #expect(timeline.charge(claimedAt: 100) == (100, 1_050))
        clock.advance(by: .microseconds(10))
        #expect(timeline.openStretch(claimedAt: 100) == (1_050, 1_060))
        // One that was claimed later, after the worker was idle, has cost nothing before.
        clock.advance(by: .microseconds(40))
        #expect(timeline.openStretch(claimedAt: 1_090) == (1_090, 1_100))
    }
}
