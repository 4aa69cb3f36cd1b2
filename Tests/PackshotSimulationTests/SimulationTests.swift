import Foundation
import Testing

/// The fleet in a simulated world: whatever dies, stands still, is cut off, comes late or is told twice, the
/// ledger stays right and nothing that was accepted is lost.
///
/// `ops/simulate` runs more seeds than an ordinary run, and one scenario with its trace.
@Suite struct SimulationTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test func everySeedKeepsTheRules() async throws {
        if let text = Self.environment["PACKSHOT_SIMULATION_SCENARIO"] {
            let result = simulate(try #require(Scenario(text), "not a scenario: \(text)"), isTraced: true)
            print(result.trace.joined(separator: "\n"))
            #expect(result.violation == nil)
            return
        }
        let count = Self.environment["PACKSHOT_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 1_000
        let first = Self.environment["PACKSHOT_SIMULATION_FIRST"].flatMap { UInt64($0) } ?? 1
        let campaign = await Campaign.run(first...(first + max(1, count) - 1))
        if let failure = campaign.failure {
            Issue.record("\(FailureReport(failure))")
            return
        }
        print(campaign.summary)
        print("all work was done at most \(campaign.longestRecovery.inSeconds) s after the last trouble")
        #expect(campaign.staleSettlements > 0)
        guard count >= 1_000 else { return }
        // What never happened was not tested.
        let events = campaign.counts.events
        for trouble in Trouble.all where trouble.weight > 0 {
            #expect(events[trouble.name] ?? 0 > 0, "\(trouble.name) never happened")
        }
        for event in Self.mustHappen { #expect(events[event] ?? 0 > 0, "never: \(event)") }
    }

    /// What a run of a thousand seeds has to have gone through.
    private static let mustHappen =
        [
            "encoded an image", "wrote a temporary file", "synced it", "named it",
            "unlinked the temporary file", "synced the folder",
        ].map { "died after it \($0)" }
        + ["claim", "confirm", "heartbeat", "settle", "acknowledge", "dispatch", "rescue", "release", "owed", "take"]
        .flatMap { ["died before \($0)", "died before the answer to \($0)"] }
        + [
            "died between dispatching and marking", "file of a job given up removed",
            "producer died before dispatching", "lost answer", "late request", "sampler hung",
            "ended itself, the sampler hung", "killed by poison", "file adopted",
            "disk full", "disk fault", "worker ended by itself", "harmless scenario",
        ]

    /// The same scenario is the same history to the last operation, whether it is recorded or not.
    @Test func historiesRepeat() {
        for seed in UInt64(1)...20 {
            let scenario = Scenario(seed: seed)
            let first = simulate(scenario, isTraced: true)
            let second = simulate(scenario, isTraced: true)
            #expect(first.trace == second.trace)
            #expect(first.counts.operations == simulate(scenario).counts.operations)
        }
    }

}
