import Foundation
import PackshotJobs
import Testing

/// Ends of attempts, and what the queue is owed.
extension LedgerConformance {
    static let settling: [ConformanceCase<LedgerFixture>] = [
        .init("moves a job with every outcome as the rules say, and says the same when it is told again") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...5)
            let held = try await confirm(ledger, jobs)
            let settlements = zip(held, outcomes).enumerated().map { index, pair in
                settlement(pair.0, pair.1, from: Int64(index) * 10, to: Int64(index) * 10 + 10)
            }
            let verdicts = try await ledger.ledger.settle(settlements)
            let expected: [SettlementVerdict] = [
                .accepted(.completed), .accepted(.retryable), .accepted(.discarded), .accepted(.available),
                .accepted(.cancelled),
            ]
            #expect(verdicts == expected)
            let repeated = try await ledger.ledger.settle(Array(settlements.reversed()))
            #expect(repeated == expected.reversed())
            let early = try await confirm(ledger, jobs)
            #expect(early.map(\.id) == [jobs[3]] && early.map(\.attemptNumber) == [1], "handed back does not count")
            try await ledger.advance(.seconds(31))
            let due = try await confirm(ledger, jobs)
            #expect(Set(due.map(\.id)) == [jobs[1], jobs[3]])
            #expect(due.first { $0.id == jobs[1] }?.attemptNumber == 2)
        },
        .init("settles each of a group by itself, whatever becomes of the others") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3)
            let held = try await confirm(ledger, jobs)
            try await cancel(ledger, jobs[1])
            let unknown = Settlement(
                job: JobID(rawValue: 99), attempt: AttemptID(rawValue: 99), worker: WorkerID(rawValue: "w"),
                outcome: .cancelled, busyFrom: 0, busyTo: 0, stages: StageTimes(), embeddingSources: [])
            let swapped = Settlement(
                job: jobs[0], attempt: held[2].attempt, worker: WorkerID(rawValue: "w"), outcome: .cancelled,
                busyFrom: 0, busyTo: 0, stages: StageTimes(), embeddingSources: [])
            let verdicts = try await ledger.ledger.settle([
                settlement(held[0], from: 0, to: 1), unknown, settlement(held[1], from: 1, to: 2), swapped,
                settlement(held[2], from: 2, to: 3),
            ])
            #expect(verdicts == [.accepted(.completed), .stale, .stale, .stale, .accepted(.completed)])
            let nothing = try await ledger.ledger.settle([])
            #expect(nothing.isEmpty)
        },
        .init("takes no word from a worker about another one's attempt") { ledger in
            // As after a promotion of a copy that lagged behind: the same number was given out again.
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("v"))
            let (_, jobs) = try await submit(ledger, 1...1)
            let held = try await confirm(ledger, jobs, lease: .seconds(60))[0]
            let foreign = try await settle(ledger, held, by: "v", from: 0, to: 5)
            #expect(foreign == .stale)
            let reply = try await heartbeat(ledger, [held], by: "v", lease: .seconds(9_999))
            #expect(reply.lost == [held.attempt])
            let renewed = try await live(ledger, 62)
            #expect(renewed.available.map(\.job) == jobs, "its lease was not the other's to renew")
        },
        .init("refuses what was finished in vain, and gives the time to the record once") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("v"))
            let (_, jobs) = try await submit(ledger, 1...1)
            let old = try await confirm(ledger, jobs, lease: .seconds(5))[0]
            try await live(ledger, 7)
            let new = try await confirm(ledger, jobs, by: "v")[0]
            #expect(new.attempt > old.attempt && new.attemptNumber == 2)
            for _ in 0..<2 {
                let late = try await settle(ledger, old, from: 0, to: 5)
                #expect(late == .stale)
            }
            let done = try await settle(ledger, new, by: "v", from: 0, to: 2)
            #expect(done == .accepted(.completed))
            let after = try await settle(ledger, old, from: 0, to: 5)
            #expect(after == .stale)
        },
        .init("owes what has waited for a while and releases what is due, each batch to its own lane") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("v", model: otherModel))
            let first = try await enqueue(ledger, jobs(1...2) { $0.priority = 1 }, as: batch("a"))
            try await enqueue(ledger, jobs(3...3), as: batch("c", tenant: "t", weight: 2))
            try await enqueue(ledger, jobs(4...4), as: batch("o", model: otherModel))
            try await ledger.ledger.pause(first.batch)
            try await ledger.advance(.seconds(10))
            func owed(_ model: ModelRecord, after: Int64 = 0, grace: Int = 0) async throws -> [DispatchEntry] {
                try await ledger.ledger.owedJobs(
                    model: model.fingerprint, after: JobID(rawValue: after), grace: .seconds(grace), limit: 9)
            }
            var mine = try await owed(model)
            #expect(mine.map(\.job) == ids(3...3) && mine.map(\.share) == [QueueShare(name: "t:t", weight: 2)])
            try await ledger.ledger.resume(first.batch)
            mine = try await owed(model)
            #expect(mine.map(\.job) == ids(1...3) && mine.map(\.lane.priority) == [1, 1, 4])
            mine = try await owed(model, after: 1, grace: 9)
            #expect(mine.map(\.job) == ids(2...3))
            mine = try await owed(model, grace: 60)
            #expect(mine.isEmpty, "what waits for a short time only may be on its way")
            let others = try await owed(otherModel)
            #expect(others.map(\.job) == ids(4...4) && Set(others.map(\.lane.model)) == [otherModel.fingerprint])
            let theirs = try await confirm(ledger, ids(4...4), by: "v")[0]
            try await settle(ledger, theirs, .failed(fault, retryAfter: .seconds(5)), by: "v")
            try await ledger.advance(.seconds(4))
            var due = try await ledger.ledger.releaseDue(overdue: .zero, limit: 9)
            #expect(due.isEmpty)
            try await ledger.advance(.seconds(2))
            due = try await ledger.ledger.releaseDue(overdue: .seconds(60), limit: 9)
            #expect(due.map(\.job) == ids(4...4) && due.map(\.lane.model) == [otherModel.fingerprint])
            due = try await ledger.ledger.releaseDue(overdue: .zero, limit: 9)
            #expect(due.isEmpty)
        },
        .init("has unfinished jobs of a model until they are final or paused") { ledger in
            try await ledger.ledger.register(worker("w"))
            func unfinished(_ model: ModelRecord = model) async throws -> Bool {
                try await ledger.ledger.hasUnfinishedJobs(model: model.fingerprint)
            }
            var any = try await unfinished()
            #expect(!any)
            let first = try await enqueue(ledger, jobs(1...2), as: batch("a"))
            any = try await unfinished(otherModel)
            #expect(!any)
            let held = try await confirm(ledger, ids(1...1))[0]
            try await ledger.ledger.pause(first.batch)
            any = try await unfinished()
            #expect(any, "one runs")
            try await settle(ledger, held, .failed(fault, retryAfter: .seconds(60)))
            any = try await unfinished()
            #expect(!any, "what is paused nobody waits for")
            try await ledger.ledger.resume(first.batch)
            _ = try await ledger.ledger.cancel(JobSelection(batch: first.batch, states: [.available]))
            any = try await unfinished()
            #expect(any, "one is to be tried again")
            _ = try await ledger.ledger.cancel(JobSelection(batch: first.batch))
            any = try await unfinished()
            #expect(!any)
        },
    ]

    private static let fault = AttemptFailure(code: "broken", message: "it's \"broken\" \\ {,}", isPermanent: false)

    private static let outcomes: [Settlement.Outcome?] = [
        nil, .failed(fault, retryAfter: .seconds(30)), failure, .handedBack(reason: "stopping"), .cancelled,
    ]
}
