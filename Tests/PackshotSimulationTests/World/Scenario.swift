import PackshotTestSupport

/// What a simulation is made of. Together with the code it determines everything that happens.
struct Scenario: Hashable, Sendable, CustomStringConvertible {
    var seed: UInt64
    var workers: Int
    var jobs: Int
    /// How long troubles go on.
    var troubledTime: VirtualTime
    /// Names of ``Trouble/all``.
    var troubles: Set<String>

    /// The scenario of a seed: one in 16 is without trouble, one in 16 only has workers stopped politely, and each of the
    /// others has about half of all troubles.
    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed ^ 0x5CE7_A210)
        self.seed = seed
        workers = random.within(1...4)
        jobs = random.within(2...20)
        troubledTime = .seconds(Double(random.within(20...80)))
        switch random.below(16) {
        case 0: troubles = []
        case 1: troubles = [Trouble.stop.name, Trouble.scheduledJobs.name]
        default:
            let share = random.within(1...4)
            troubles = Set(Trouble.all.map(\.name).filter { _ in random.below(5) < share })
        }
    }

    /// Reads what ``description`` writes.
    init?(_ text: String) {
        var fields: [Substring: Substring] = [:]
        for field in text.split(separator: " ") {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard let seed = fields["seed"].flatMap({ UInt64($0) }) else { return nil }
        self.init(seed: seed)
        workers = fields["workers"].flatMap { Int($0) } ?? workers
        jobs = fields["jobs"].flatMap { Int($0) } ?? jobs
        troubledTime = fields["seconds"].flatMap { Double($0) }.map { .seconds($0) } ?? troubledTime
        if let names = fields["troubles"] {
            troubles = Set(names.split(separator: ",").map(String.init))
            guard troubles.allSatisfy({ Trouble.named[$0] != nil }) else { return nil }
        }
    }

    var description: String {
        "seed=\(seed) workers=\(workers) jobs=\(jobs) seconds=\(troubledTime / 1_000_000)"
            + " troubles=\(troubles.sorted().joined(separator: ","))"
    }
}

/// What a scenario's seed decides about times and limits.
struct Settings {
    let lease: Duration
    let grace: VirtualTime
    let stepTimeout: VirtualTime
    /// Mean time of an image, and its steps.
    let pace: VirtualTime
    let steps: Int
    let maxAttempts: Int
    let drains: Bool
    /// One way through the network.
    let latency: ClosedRange<VirtualTime>
    /// How long a client waits for an answer.
    let timeout: VirtualTime

    init(_ random: inout SeededGenerator) {
        let seconds = random.within(4...15)
        lease = .seconds(seconds)
        grace = .seconds(Double(random.within(1...20)))
        pace = random.pick([.milliseconds(5), .milliseconds(300), .seconds(2), .seconds(7), .seconds(14)]) ?? 0
        stepTimeout = pace * 2 + .seconds(Double(random.within(10...30)))
        steps = random.within(1...4)
        maxAttempts = random.within(1...3)
        drains = random.once(in: 4)
        latency = .milliseconds(0.1)...(random.once(in: 3) ? .milliseconds(400) : .milliseconds(4))
        timeout = random.time(.milliseconds(500)...(.seconds(5)))
    }
}
