import Foundation
import Testing

@Suite struct SimulationTests {
    @Test func first() {
        var counts = Counts()
        let start = ContinuousClock.now
        var stale = 0
        var recovery: VirtualTime = 0
        for seed in 1...UInt64(ProcessInfo.processInfo.environment["PACKSHOT_SIMULATION_SEEDS"] ?? "100")! {
            let result = simulate(Scenario(seed: seed))
            counts.add(result.counts)
            stale += result.staleSettlements
            recovery = max(recovery, result.recovery)
            if let violation = result.violation {
                print(result.scenario, violation)
                let again = simulate(Scenario(seed: seed), isTraced: true)
                print(again.violation ?? "nothing", again.trace.suffix(70).joined(separator: "\n"))
                #expect(Bool(false))
                return
            }
        }
        print(counts.operations, stale, recovery.inSeconds, ContinuousClock.now - start)
        for (name, count) in counts.events.sorted(by: { $0.key < $1.key }) { print(name, count) }
    }
}
