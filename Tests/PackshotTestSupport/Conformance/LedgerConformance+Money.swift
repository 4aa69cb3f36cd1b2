import Foundation
import PackshotJobs
import Testing

/// What images of different work and workers of different prices do to a budget. A worker costs a dollar a second, so that a
/// microsecond is a micro-dollar; a lease of 10 microseconds costs 10.
extension LedgerConformance {
    private static let lease = Duration.microseconds(10)

    private static func dollars(_ micros: Int64) -> MicroDollars { MicroDollars(rawValue: micros) }

    /// Every third job has three hundred steps, the others one.
    private static func withLargeOnes(_ spec: inout GenerationSpec) {
        spec.shortcuts = nil
        if spec.seed % 3 == 0 { spec.steps = 300 }
    }

    private static func request(_ needed: Int64, _ wanted: Int64) -> SpendingRequest {
        SpendingRequest(needed: dollars(needed), wanted: dollars(wanted))
    }

    static let money: [ConformanceCase<LedgerFixture>] = [
        .init("sets aside what a larger image costs before one of its size was made") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3, budget: 1_000_000, change: withLargeOnes)
            let small = try await confirm(ledger, [jobs[0]], lease: lease)
            try await settle(ledger, small[0], from: 0, to: 100)
            let large = try await confirm(ledger, [jobs[2]], lease: lease)
            #expect(large.map(\.spendingLimit) == [dollars(45_011)], "300 times as much, and a half, one, and a lease")
        },
        .init("sets aside what its own worker costs, whatever the one before did") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("dear", perHour: 3_600_000_000_000))
            let (_, jobs) = try await submit(ledger, 1...2, budget: 1_000_000, change: withLargeOnes)
            let cheap = try await confirm(ledger, [jobs[0]], lease: lease)
            try await settle(ledger, cheap[0], from: 0, to: 100)
            let dear = try await confirm(ledger, [jobs[1]], by: "dear", lease: lease)
            #expect(dear.map(\.spendingLimit) == [dollars(160_001)])
        },
        .init("tries an image alone whose work is only guessed at and does not fit") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...9, budget: 10_000, change: withLargeOnes)
            let small = try await confirm(ledger, [jobs[0]], lease: lease)
            try await settle(ledger, small[0], from: 0, to: 100)
            let another = try await confirm(ledger, [jobs[1]], lease: lease)
            let held = try await confirm(ledger, [jobs[2]], lease: lease)
            #expect(held.isEmpty, "another runs")
            try await settle(ledger, another[0], from: 100, to: 200)
            let large = try await confirm(ledger, [jobs[5]], lease: lease)
            #expect(large.map(\.spendingLimit) == [dollars(9_800)], "all that is left")
            try await settle(ledger, large[0], from: 200, to: 4_200)
            // Now it is known: 6,000, one and a lease are more than 5,800.
            let next = try await confirm(ledger, [jobs[8]], lease: lease)
            #expect(next.isEmpty)
            try await ledger.ledger.setBudget(batch, dollars(10_211))
            let paid = try await confirm(ledger, [jobs[8]], lease: lease)
            #expect(paid.map(\.spendingLimit) == [dollars(6_011)])
        },
        .init("sets more aside for an attempt that needs more, as far as the budget goes") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...5, budget: 1_000, change: { $0.shortcuts = nil })
            let first = try await confirm(ledger, [jobs[0]], lease: lease)
            try await settle(ledger, first[0], from: 0, to: 100)
            let second = try await confirm(ledger, [jobs[1]], lease: lease)
            #expect(second.map(\.spendingLimit) == [dollars(161)])
            let more = try await ledger.ledger.reserve(request(200, 400), for: second[0].attempt)
            #expect(more == dollars(400))
            let vain = try await ledger.ledger.reserve(request(950, 2_000), for: second[0].attempt)
            #expect(vain == nil, "900 are left with what it has, and 950 are needed")
            let all = try await ledger.ledger.reserve(request(800, 2_000), for: second[0].attempt)
            #expect(all == dollars(900))
            // A worker that did not hear the answer to its claim hears what is set aside by now.
            let again = try await confirm(ledger, [jobs[1]], lease: lease)
            #expect(again.map(\.spendingLimit) == [dollars(900)])
            let waiting = try await confirm(ledger, [jobs[2]], lease: lease)
            #expect(waiting.isEmpty)
            let unfinished = try await ledger.ledger.hasUnfinishedJobs(model: model.fingerprint)
            #expect(unfinished, "it waits, and the batch is not paused")
            try await settle(ledger, second[0], from: 100, to: 150)
            let late = try await ledger.ledger.reserve(request(1, 2), for: second[0].attempt)
            #expect(late == nil, "it has ended")
            let third = try await confirm(ledger, [jobs[3]], lease: lease)
            #expect(third.map(\.spendingLimit) == [dollars(161)], "what it did not cost is back")
            try await ledger.ledger.setBudget(batch, nil)
            let unbounded = try await ledger.ledger.reserve(request(5_000, 9_000), for: third[0].attempt)
            #expect(unbounded == dollars(9_000))
        },
        .init("gives back uncounted what the budget does not pay for, and sets twice its cost aside next time") {
            ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...1, maxAttempts: 1, budget: 1_000)
            let first = try await confirm(ledger, jobs, lease: lease)
            let verdict = try await settle(ledger, first[0], .overBudget, from: 0, to: 400)
            #expect(verdict == .accepted(.available))
            let repeated = try await settle(ledger, first[0], .overBudget, from: 0, to: 400)
            #expect(repeated == verdict)
            let refused = try await confirm(ledger, jobs, lease: lease)
            #expect(refused.isEmpty, "600 are left of 811")
            let unfinished = try await ledger.ledger.hasUnfinishedJobs(model: model.fingerprint)
            #expect(!unfinished, "the batch is paused")
            try await ledger.ledger.setBudget(batch, dollars(1_211))
            let second = try await confirm(ledger, jobs, lease: lease)
            #expect(second.map(\.spendingLimit) == [dollars(811)])
            #expect(second.map(\.attemptNumber) == [1])
            for round in 0..<4 {
                let held = try await confirm(ledger, jobs, lease: lease)
                let from = Int64(400 + round * 500)
                try #require(held.count == 1)
                try await settle(ledger, held[0], .overBudget, from: from, to: from + 500)
                try await ledger.ledger.setBudget(batch, dollars(100_000 * Int64(round + 1)))
            }
            let last = try await confirm(ledger, jobs, lease: lease)
            let made = try await settle(ledger, last[0], from: 2_400, to: 2_900)
            #expect(made == .accepted(.completed), "a price never discards a job")
        },
        .init("counts what was spent and what runs when a budget comes late") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...5, change: { $0.shortcuts = nil })
            let held = try await confirm(ledger, Array(jobs[0...1]), lease: lease)
            try await settle(ledger, held[0], from: 0, to: 100)
            // 100 are spent and 150 expected of the one that runs: 160 are left, and 161 needed.
            try await ledger.ledger.setBudget(batch, dollars(410))
            let refused = try await confirm(ledger, [jobs[2]], lease: lease)
            #expect(refused.isEmpty)
            try await ledger.ledger.setBudget(batch, dollars(411))
            let next = try await confirm(ledger, [jobs[3]], lease: lease)
            #expect(next.map(\.spendingLimit) == [dollars(161)])
            try await settle(ledger, held[1], from: 100, to: 350)
            try await settle(ledger, next[0], from: 350, to: 450)
            // 450 are spent of 411, by what was begun without a budget.
            let over = try await confirm(ledger, [jobs[4]], lease: lease)
            #expect(over.isEmpty)
            try await ledger.ledger.setBudget(batch, dollars(450))
            try await ledger.ledger.setBudget(batch, dollars(836))
            let rest = try await confirm(ledger, [jobs[4]], lease: lease)
            #expect(rest.map(\.spendingLimit) == [dollars(386)], "one and a half times 250, one, and a lease")
        },
        .init("waits for what was begun without a budget while nobody knows what it costs") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...3, change: { $0.shortcuts = nil })
            let held = try await confirm(ledger, [jobs[0]], lease: lease)
            try await ledger.ledger.setBudget(batch, dollars(1_000))
            let refused = try await confirm(ledger, [jobs[1]], lease: lease)
            #expect(refused.isEmpty)
            try await settle(ledger, held[0], from: 0, to: 100)
            let next = try await confirm(ledger, [jobs[2]], lease: lease)
            #expect(next.map(\.spendingLimit) == [dollars(161)])
        },
    ]

    static let charging: [ConformanceCase<LedgerFixture>] = [
        .init("charges a stretch once when a lost attempt is never reported and its worker lives") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3)
            let silent = try await confirm(ledger, [jobs[0]], lease: .milliseconds(1))
            let others = try await confirm(ledger, Array(jobs[1...2]))
            #expect(silent.count == 1 && others.count == 2)
            try await rescue(ledger, 1)
            // Reports over all the time there was: the estimate has to give way, whatever is left of it.
            try await settle(ledger, others[0], from: 0, to: 1_000_000_000)
            try await settle(ledger, others[1], from: 1_000_000_000, to: 1_000_000_500)
        },
        .init("charges a stretch once when it was reported before the attempt in it was lost") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3)
            _ = try await confirm(ledger, Array(jobs[0...1]), lease: .milliseconds(1))
            let other = try await confirm(ledger, [jobs[2]])
            try await settle(ledger, other[0], from: 0, to: 1_000_000_000)
            try await rescue(ledger, 2)
        },
        .init("charges what a lost attempt took once its worker reports it") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3)
            let lost = try await confirm(ledger, Array(jobs[0...1]), lease: .milliseconds(1))
            let other = try await confirm(ledger, [jobs[2]])
            try await rescue(ledger, 2)
            try await settle(ledger, other[0], from: 400, to: 500)
            for (job, from) in zip(lost, [0, 200] as [Int64]) {
                let verdict = try await settle(ledger, job, from: from, to: from + 200)
                #expect(verdict == .stale)
            }
        },
    ]

    /// Takes jobs back whose leases are over.
    private static func rescue(_ ledger: LedgerFixture, _ count: Int) async throws {
        var found = 0
        for _ in 0..<200 where found < count {
            try await ledger.advance(.milliseconds(500))
            let rescued = try await ledger.ledger.rescueExpired(limit: 10)
            found += rescued.available.count + rescued.discarded.count
        }
        #expect(found == count)
    }
}
