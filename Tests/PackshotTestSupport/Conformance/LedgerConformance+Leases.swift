import Foundation
import PackshotJobs
import Testing

/// Leases, what becomes of them, and what is charged then.
extension LedgerConformance {
    static let leases: [ConformanceCase<LedgerFixture>] = [
        .init("takes a job from a worker that stopped renewing, and gives it to another") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("v"))
            let (_, jobs) = try await submit(ledger, 1...2)
            let held = try await confirm(ledger, jobs, lease: .seconds(20))
            try await live(ledger, 15)
            let early = try await ledger.ledger.rescueExpired(limit: 9)
            #expect(early.available.isEmpty && early.discarded.isEmpty)
            _ = try await heartbeat(ledger, [held[1]], lease: .seconds(20))
            let lost = try await live(ledger, 6)
            #expect(lost.available.map(\.job) == [jobs[0]] && lost.discarded.isEmpty)
            let reply = try await heartbeat(ledger, held, lease: .seconds(20))
            #expect(reply.lost == [held[0].attempt] && reply.cancelled.isEmpty)
            let again = try await confirm(ledger, jobs, by: "v")
            #expect(again.map(\.id) == [jobs[0]] && again.map(\.attemptNumber) == [2])
            #expect(again[0].attempt > held[0].attempt)
            let late = try await settle(ledger, held[0], from: 0, to: 5)
            #expect(late == .stale)
            let done = try await settle(ledger, again[0], by: "v", from: 0, to: 5)
            #expect(done == .accepted(.completed))
            let kept = try await settle(ledger, held[1], from: 5, to: 9)
            #expect(kept == .accepted(.completed))
        },
        .init("discards what loses its last attempt, and names what is given up") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...2, maxAttempts: 2)
            for number in 1...2 {
                let held = try await confirm(ledger, [jobs[0]], lease: .seconds(5))
                #expect(held.map(\.attemptNumber) == [number])
                let rescued = try await live(ledger, 6)
                if number == 1 {
                    #expect(rescued.available.map(\.job) == [jobs[0]] && rescued.discarded.isEmpty)
                } else {
                    #expect(rescued.available.isEmpty)
                    #expect(
                        rescued.discarded == [
                            GivenUpJob(id: jobs[0], batchName: "b", outputRoot: "/out/b", relativePath: "b/1.png")
                        ])
                }
            }
            let gone = try await confirm(ledger, jobs)
            #expect(gone.map(\.id) == [jobs[1]])
        },
        .init("takes no more at once than it is asked to, the longest overdue first") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3)
            for (job, lease) in zip(jobs, [9, 3, 6]) {
                _ = try await confirm(ledger, [job], lease: .seconds(lease))
            }
            try await live(ledger, 10, rescuing: 0)
            let first = try await ledger.ledger.rescueExpired(limit: 2)
            #expect(Set(first.available.map(\.job)) == [jobs[1], jobs[2]])
            let second = try await ledger.ledger.rescueExpired(limit: 2)
            #expect(second.available.map(\.job) == [jobs[0]])
        },
        .init("takes nothing for time in which nobody could reach it, however long") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("dead"))
            let (_, jobs) = try await submit(ledger, 1...2)
            let held = try await confirm(ledger, [jobs[0]], lease: .seconds(15))
            _ = try await confirm(ledger, [jobs[1]], by: "dead", lease: .seconds(15))
            try await live(ledger, 3)
            // Frozen, cut off or on its way to another machine, for two hours.
            try await ledger.advance(.seconds(7_200))
            for _ in 0..<5 {
                let rescued = try await ledger.ledger.rescueExpired(limit: 9)
                #expect(rescued.available.isEmpty && rescued.discarded.isEmpty)
                try await ledger.advance(.seconds(1))
            }
            let reply = try await heartbeat(ledger, held, lease: .seconds(15))
            #expect(reply.lost.isEmpty)
            var taken: [JobID] = []
            for _ in 0..<12 {
                taken += try await ledger.ledger.rescueExpired(limit: 9).available.map(\.job)
                try await ledger.advance(.seconds(1))
            }
            #expect(taken == [jobs[1]], "whose worker was gone, after a lease in which it could have spoken")
            let done = try await settle(ledger, held[0], from: 0, to: 9)
            #expect(done == .accepted(.completed))
        },
        .init("takes nothing while it comes and goes") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...1)
            let held = try await confirm(ledger, jobs, lease: .seconds(15))
            for _ in 0..<6 {
                try await ledger.advance(.seconds(20))
                let rescued = try await ledger.ledger.rescueExpired(limit: 9)
                #expect(rescued.available.isEmpty)
            }
            let reply = try await heartbeat(ledger, held, lease: .seconds(15))
            #expect(reply.lost.isEmpty)
        },
        .init("takes what is lost in the end also if it is looked for rarely") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...1)
            _ = try await confirm(ledger, jobs, lease: .seconds(15))
            var passes = 0
            while try await ledger.ledger.rescueExpired(limit: 9).available.isEmpty, passes < 20 {
                try await ledger.advance(.seconds(60))
                passes += 1
            }
            #expect((6...9).contains(passes), "two seconds count each time: \(passes)")
        },
        .init("gives a worker that comes after a long silence no longer a lease than others") { ledger in
            try await ledger.advance(.seconds(1_000_000))
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...1)
            _ = try await confirm(ledger, jobs, lease: .seconds(15))
            let lost = try await live(ledger, 17)
            #expect(lost.available.map(\.job) == jobs)
        },
        .init("ends what a worker has in hand when it hears of it no more, cancelled or not") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...1)
            let held = try await confirm(ledger, jobs, lease: .seconds(60))
            _ = try await ledger.ledger.cancel(JobSelection(batch: batch))
            _ = try await ledger.ledger.retry(JobSelection(batch: batch), limit: 9)
            try await ledger.ledger.register(worker("v"))
            let again = try await confirm(ledger, jobs, by: "v", lease: .seconds(600))
            #expect(again.map(\.attemptNumber) == [1])
            try await live(ledger, 130)
            let late = try await settle(ledger, held[0], from: 0, to: 7)
            #expect(late == .stale)
            let done = try await settle(ledger, again[0], by: "v")
            #expect(done == .accepted(.completed))
        },
    ]

    /// Time passes, and somebody looks for lost jobs every second; what is lost is taken.
    @discardableResult
    static func live(_ ledger: LedgerFixture, _ seconds: Int, rescuing limit: Int = 9) async throws -> RescuedJobs {
        var (available, discarded): ([DispatchEntry], [GivenUpJob]) = ([], [])
        for _ in 0..<seconds {
            try await ledger.advance(.seconds(1))
            let rescued = try await ledger.ledger.rescueExpired(limit: limit)
            available += rescued.available
            discarded += rescued.discarded
        }
        return RescuedJobs(available: available, discarded: discarded)
    }
}
