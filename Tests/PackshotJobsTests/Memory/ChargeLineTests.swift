import PackshotJobs
import Testing

/// What a worker's attempts are charged with: its own word counts, the ledger's estimates give way.
@Suite struct ChargeLineTests {
    private let first = AttemptID(rawValue: 1)
    private let second = AttemptID(rawValue: 2)

    @Test func lostAttemptsAreChargedAfterWhatIsChargedAlready() {
        var line = ChargeLine()
        line.report(first, from: 0, to: 100)
        line.estimate(second, claimed: 60, lost: 150)
        #expect(line[second].map { [$0.from, $0.to] } == [100, 150])
        #expect(line.uptime == 150)
    }

    @Test(arguments: [
        // The report begins after the estimate, before it, and covers it.
        (60, 120, [10, 60]), (0, 40, [40, 90]), (0, 120, [90, 90]), (90, 120, [10, 90]),
    ])
    func estimatesGiveWayToReports(from: Int64, to: Int64, rest: [Int64]) {
        var line = ChargeLine()
        line.estimate(first, claimed: 10, lost: 90)
        line.report(second, from: from, to: to)
        #expect(line[first].map { [$0.from, $0.to] } == rest)
        #expect(line[second].map { [$0.from, $0.to] } == [from, to])
    }

    @Test func aReportReplacesTheEstimateOfItsOwnAttempt() {
        var line = ChargeLine()
        line.estimate(first, claimed: 10, lost: 90)
        line.report(first, from: 20, to: 500)
        #expect(line[first].map { [$0.from, $0.to] } == [20, 500])
        line.extend(to: 400)
        #expect(line.uptime == 500)
        line.extend(to: 600)
        #expect(line.uptime == 600)
    }

    /// A clock that was set back, or a lease that ended before the claim by the worker's own clock.
    @Test func estimatesNeverRunBackwards() {
        var line = ChargeLine()
        line.estimate(first, claimed: -50, lost: -10)
        #expect(line[first].map { [$0.from, $0.to] } == [0, 0])
    }
}
