/// A failure, made as small as it goes, and how to see it again.
struct FailureReport: CustomStringConvertible {
    let original: SimulationResult
    let smallest: SimulationResult

    /// Looks for a smaller scenario that fails too: without a trouble, with fewer workers, with fewer jobs, with less time.
    /// Leaving something out changes what chance does afterwards, so each attempt is made with a few seeds.
    init(_ original: SimulationResult, sabotage: Sabotage? = nil) {
        self.original = original
        var smallest = original.scenario
        var hasShrunk = true
        while hasShrunk {
            hasShrunk = false
            for smaller in Self.smaller(smallest) {
                for variant in 0..<UInt64(8) {
                    var candidate = smaller
                    candidate.seed = smaller.seed &+ variant &* 1_000_003
                    if simulate(candidate, sabotage: sabotage).violation != nil {
                        (smallest, hasShrunk) = (candidate, true)
                        break
                    }
                }
                if hasShrunk { break }
            }
        }
        self.smallest = simulate(smallest, sabotage: sabotage, isTraced: true)
    }

    private static func smaller(_ scenario: Scenario) -> [Scenario] {
        var all: [Scenario] = []
        func add(_ change: (inout Scenario) -> Void) {
            var smaller = scenario
            change(&smaller)
            if smaller != scenario { all.append(smaller) }
        }
        add { $0.jobs = max(1, $0.jobs / 2) }
        add { $0.workers = max(1, $0.workers / 2) }
        for name in scenario.troubles.sorted() { add { $0.troubles.remove(name) } }
        add { $0.troubledTime = max(.seconds(5), $0.troubledTime / 2) }
        add { $0.jobs = max(1, $0.jobs - 1) }
        add { $0.workers = max(1, $0.workers - 1) }
        return all
    }

    var description: String {
        """
        seed \(original.scenario.seed): \(original.violation ?? "")
          again: ops/simulate --scenario '\(original.scenario)'
        smallest: \(smallest.violation ?? "")
          again: ops/simulate --scenario '\(smallest.scenario)'
        its last operations, in seconds:
        \(smallest.trace.suffix(60).joined(separator: "\n"))
        """
    }
}
