import Foundation
import PackshotJobs
import Testing

/// Random histories of a batch with a budget.
extension LedgerConformance {
    /// Images small and large, workers cheap and dear, budgets that are raised under way, submissions again, dead workers, and attempts
    /// that cost more than expected: what no attempt exceeds, the batch does not exceed; and once the money is there every image is made.
    static let moneyHistories: [ConformanceCase<LedgerFixture>] = (1...4).map { seed in
        .init("keeps to a budget through a random history, number \(seed)") { ledger in
            var history = MoneyHistory(ledger: ledger, random: SeededGenerator(seed: UInt64(seed)))
            try await history.run()
        }
    }

    private struct MoneyHistory {
        let ledger: LedgerFixture
        var random: SeededGenerator
        private let lease = Duration.microseconds(10)
        private let workers = [("cheap", Int64(1)), ("usual", 10), ("dear", 1_000)]
        private var clocks: [String: Int64] = [:]
        private var held: [(job: ClaimedJob, worker: String, rate: Int64)] = []
        private var spent: Int64 = 0
        private var budget: Int64 = 200_000
        private var made: Set<JobID> = []

        init(ledger: LedgerFixture, random: SeededGenerator) {
            self.ledger = ledger
            self.random = random
        }

        private func submit(_ last: Int) async throws -> (batch: BatchID, jobs: [JobID]) {
            try await LedgerConformance.submit(ledger, 1...last, maxAttempts: 50, budget: budget) { spec in
                spec.steps = [1, 4, 40][Int(spec.seed) % 3]
                spec.guidance = spec.seed % 2 == 0 ? 4 : 1
                spec.shortcuts = nil
            }
        }

        /// Microseconds an image really takes: not quite by its work.
        private mutating func time(of job: ClaimedJob) -> Int64 {
            Int64(job.spec.steps * (job.spec.guidance > 1 ? 2 : 1)) * 3 + Int64(random.below(20))
        }

        mutating func run() async throws {
            for (name, rate) in workers {
                try await ledger.ledger.register(LedgerConformance.worker(name, perHour: rate * 3_600_000_000))
            }
            var (batch, jobs) = try await submit(20)
            for step in 0..<150 {
                switch random.below(8) {
                case 0, 1, 2:
                    let (name, rate) = workers[random.below(3)]
                    let wanted = jobs[random.below(jobs.count)]
                    if !held.contains(where: { $0.job.id == wanted }), !made.contains(wanted) {
                        try await claim([wanted], by: name, rate)
                    }
                case 3, 4, 5:
                    if !held.isEmpty { try await end(random.below(held.count)) }
                case 6:
                    budget += Int64(random.below(20_000))
                    try await ledger.ledger.setBudget(batch, MicroDollars(rawValue: budget))
                default:
                    if step % 3 == 0 { jobs = try await submit(20 + random.below(10)).jobs + jobs }
                    // Those whose leases are over die; a lease costs what was set aside for it.
                    if random.below(3) == 0 { try await loseAll() }
                    _ = try await ledger.ledger.releaseDue(overdue: .zero, limit: 100)
                }
                #expect(spent <= budget, "after step \(step)")
            }
            try await ledger.ledger.setBudget(batch, nil)
            while !held.isEmpty { try await end(0) }
            let all = try await submit(30)
            batch = all.batch
            try await ledger.ledger.setBudget(batch, nil)
            let deadline = ContinuousClock.now + .seconds(30)
            let everything = Set(jobs + all.jobs)
            while made.count < everything.count, ContinuousClock.now < deadline {
                try await claim(Array(everything.subtracting(made)), by: "cheap", 1)
                while !held.isEmpty { try await end(0) }
                // What was postponed comes back within two seconds.
                if made.count < everything.count { try await ledger.advance(.milliseconds(500)) }
                _ = try await ledger.ledger.releaseDue(overdue: .zero, limit: 100)
            }
            #expect(made == everything, "every image is made once there is money for it")
        }

        private mutating func claim(_ jobs: [JobID], by worker: String, _ rate: Int64) async throws {
            for job in try await LedgerConformance.confirm(ledger, jobs, by: worker, lease: lease) {
                held.append((job, worker, rate))
            }
        }

        /// Works on an attempt until its image is made, or there is no more money for it.
        private mutating func end(_ index: Int) async throws {
            let (job, worker, rate) = held.remove(at: index)
            let needed = time(of: job) * rate
            var limit = job.spendingLimit?.rawValue ?? .max
            while limit < needed {
                let request = SpendingRequest(
                    needed: MicroDollars(rawValue: limit + 1), wanted: MicroDollars(rawValue: limit * 2))
                guard let more = try await ledger.ledger.reserve(request, for: job.attempt) else { break }
                limit = more.rawValue
            }
            let cost = min(needed, limit / rate * rate)
            let from = clocks[worker] ?? 0
            clocks[worker] = from + cost / rate
            spent += cost
            let verdict = try await LedgerConformance.settle(
                ledger, job, cost < needed ? .overBudget : nil, by: worker, from: from, to: from + cost / rate)
            if verdict == .accepted(.completed) { made.insert(job.id) }
        }

        private mutating func loseAll() async throws {
            let lost = held
            held = []
            // Attempts of a worker that died end with their leases.
            for attempt in lost { spent += attempt.rate * 10 }
            var found = 0
            for _ in 0..<200 where found < lost.count {
                let rescued = try await ledger.ledger.rescueExpired(limit: 100)
                found += rescued.available.count + rescued.discarded.count
                if found < lost.count { try await ledger.advance(.milliseconds(500)) }
            }
            #expect(found == lost.count)
            for (name, _) in workers { clocks[name] = max(clocks[name] ?? 0, try await uptime()) }
        }

        /// Later on the line of any worker than what the ledger charged to lost attempts by its own clock.
        private func uptime() async throws -> Int64 { Int64(ProcessInfo.processInfo.systemUptime * 1e6) }
    }
}
