import PackshotWorker
import Testing

@Suite("When a worker claims ahead")
struct LookaheadGateTests {
    private let clock = HandClock()

    @Test func aLongJobKeepsTheGateShutUntilItIsNearItsEnd() {
        let gate = LookaheadGate(lookahead: .milliseconds(50), clock: clock)
        #expect(gate.isOpen && gate.groupSize == 1)
        gate.jobsClaimed(1)
        #expect(!gate.isOpen, "one is claimed and not begun")
        gate.jobBegan()
        #expect(!gate.isOpen, "how long it takes is not known")
        clock.advance(by: .milliseconds(200))
        gate.jobAdvanced(step: 1, of: 10)
        #expect(!gate.isOpen, "nine times as long is to come")
        gate.jobAdvanced(step: 999_999, of: 1_000_000)
        #expect(gate.isOpen)
        gate.jobEnded(isMade: true)
        #expect(gate.isOpen && gate.groupSize == 1)
    }

    @Test func quickJobsAreClaimedInGroupsWhileHalfOfOneIsLeft() {
        let gate = LookaheadGate(lookahead: .milliseconds(500), clock: clock)
        gate.jobsClaimed(1)
        gate.jobBegan()
        gate.jobEnded(isMade: true)
        let size = gate.groupSize
        #expect(size > 1)
        gate.jobsClaimed(size)
        #expect(!gate.isOpen)
        for _ in 0..<(size - size / 2) { gate.jobDropped() }
        #expect(gate.isOpen)
    }

    @Test func whatIsGivenUpAtOnceIsNoQuickJob() {
        let gate = LookaheadGate(lookahead: .milliseconds(500), clock: clock)
        func job(takes duration: Duration, isMade: Bool) {
            gate.jobsClaimed(1)
            gate.jobBegan()
            clock.advance(by: duration)
            gate.jobEnded(isMade: isMade)
        }
        job(takes: .zero, isMade: false)
        #expect(gate.isOpen && gate.groupSize == 1, "how long an image takes is not known")
        job(takes: .milliseconds(60), isMade: true)
        job(takes: .zero, isMade: false)
        #expect(gate.isOpen && gate.groupSize == 1)
    }

    @Test func whoStopsIsNotKeptWaiting() async {
        let gate = LookaheadGate(lookahead: .zero, clock: clock)
        gate.jobsClaimed(5)
        gate.openForGood()
        await gate.wait()
    }
}
