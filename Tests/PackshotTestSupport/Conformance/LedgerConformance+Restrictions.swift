import Foundation
import PackshotJobs
import Testing

/// Budgets and limits.
extension LedgerConformance {
    static let budgets: [ConformanceCase<LedgerFixture>] = [
        .init("makes one image alone before it knows what one costs") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...4, budget: 1_000_000)
            let first = try await confirm(ledger, Array(jobs[0...1]), lease: .microseconds(10))
            #expect(first.map(\.id) == [jobs[0]])
            #expect(first[0].spendingLimit == MicroDollars(rawValue: 1_000_000))
            try await settle(ledger, first[0], from: 0, to: 100)
            // One and a half times the dearest, one, and a lease.
            let next = try await confirm(ledger, Array(jobs[2...3]), lease: .microseconds(10))
            #expect(next.map(\.spendingLimit) == [MicroDollars(rawValue: 161), MicroDollars(rawValue: 161)])
        },
        .init("never commits more than the budget, and stops the batch when it is used up") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...20, budget: 1_000)
            var clock: Int64 = 0
            var spent: Int64 = 0
            var images = 0
            var left = jobs
            for _ in 0..<40 {
                let held = try await confirm(ledger, Array(left.prefix(3)), lease: .microseconds(10))
                for job in held {
                    left.removeAll { $0 == job.id }
                    let cost = Int64(80 + images)
                    try await settle(ledger, job, from: clock, to: clock + cost)
                    clock += cost
                    spent += cost
                    images += 1
                }
                if held.isEmpty {
                    try await ledger.advance(.milliseconds(1))
                    left.append(left.removeFirst())
                }
            }
            #expect(spent <= 1_000)
            #expect(images >= 8)
            let unfinished = try await ledger.ledger.hasUnfinishedJobs(model: model.fingerprint)
            // What is postponed may still be scheduled; what matters is that nothing can be claimed any more.
            _ = unfinished
            let more = try await confirm(ledger, left, lease: .microseconds(10))
            #expect(more.isEmpty)
            try await ledger.ledger.setBudget(batch, MicroDollars(rawValue: 2_000))
            let after = try await confirm(ledger, left, lease: .microseconds(10))
            #expect(!after.isEmpty)
        },
        .init("gives back what a failed or returned attempt had set aside") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...4, budget: 400)
            let first = try await confirm(ledger, [jobs[0]], lease: .microseconds(1))
            try await settle(ledger, first[0], from: 0, to: 100)
            // 300 are left; each claim sets 152 aside, so there is room for one.
            let second = try await confirm(ledger, Array(jobs[1...2]), lease: .microseconds(1))
            #expect(second.count == 1)
            try await settle(ledger, second[0], .handedBack(reason: "r"), from: 100, to: 100)
            let third = try await confirm(ledger, [jobs[3]], lease: .microseconds(1))
            #expect(third.count == 1)
        },
    ]

    static let limits: [ConformanceCase<LedgerFixture>] = [
        .init("lets no more of a model run at once than its limit") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...6)
            try await ledger.ledger.changeLimits(model.fingerprint) { $0 = ModelLimits(maxRunning: 2) }
            let held = try await confirm(ledger, Array(jobs[0...3]))
            #expect(held.map(\.id) == Array(jobs[0...1]))
            let none = try await confirm(ledger, [jobs[4]])
            #expect(none.isEmpty)
            try await settle(ledger, held[0])
            let one = try await confirm(ledger, [jobs[5]])
            #expect(one.count == 1)
            try await ledger.ledger.changeLimits(model.fingerprint) { $0 = ModelLimits() }
            // Those that were refused are scheduled for a second or two later.
            try await ledger.advance(.seconds(3))
            let released = try await ledger.ledger.releaseDue(overdue: .zero, limit: 10)
            #expect(Set(released.map(\.job)) == Set(jobs[2...4]))
            let rest = try await confirm(ledger, Array(jobs[2...4]))
            #expect(rest.count == 3)
        },
        .init("begins no more jobs in a minute than its limit") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...9)
            try await ledger.ledger.changeLimits(model.fingerprint) { $0 = ModelLimits(perMinute: 120) }
            let first = try await confirm(ledger, jobs)
            #expect((1...2).contains(first.count))
            let second = try await confirm(ledger, jobs.filter { id in !first.contains { $0.id == id } })
            #expect(first.count + second.count <= 3)
        },
        .init("gives nothing of a paused model") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...2)
            try await ledger.ledger.changeLimits(model.fingerprint) { $0 = ModelLimits(isPaused: true) }
            let none = try await confirm(ledger, jobs)
            #expect(none.isEmpty)
            let owed = try await ledger.ledger.owedJobs(model: model.fingerprint, after: nil, grace: .zero, limit: 9)
            #expect(owed.isEmpty)
            try await ledger.ledger.changeLimits(model.fingerprint) { $0 = ModelLimits() }
            let all = try await confirm(ledger, jobs)
            #expect(all.count == 2)
        },
    ]
}
