import Foundation
import PackshotJobs
import Synchronization
import Testing

/// Cancel, pause, retry and drain.
extension LedgerConformance {
    static let steering: [ConformanceCase<LedgerFixture>] = [
        .init("cancels what waits, and nobody gets it any more") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...4)
            let count = try await ledger.ledger.cancel(JobSelection(batch: batch))
            #expect(count == 4)
            let claimed = try await confirm(ledger, jobs)
            #expect(claimed.isEmpty)
            let unfinished = try await ledger.ledger.hasUnfinishedJobs(model: model.fingerprint)
            #expect(!unfinished)
            let again = try await ledger.ledger.cancel(JobSelection(batch: batch))
            #expect(again == 0)
        },
        .init("tells the worker of a cancelled job, refuses its finish and keeps what it cost") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...2)
            let held = try await confirm(ledger, jobs)
            var selection = JobSelection()
            selection.job = jobs[0]
            let count = try await ledger.ledger.cancel(selection)
            #expect(count == 1)
            let reply = try await heartbeat(ledger, held)
            #expect(reply.cancelled == [held[0].attempt])
            #expect(reply.lost.isEmpty)
            let verdict = try await settle(ledger, held[0], from: 0, to: 70)
            #expect(verdict == .stale)
            let other = try await settle(ledger, held[1], from: 70, to: 90)
            #expect(other == .accepted(.completed))
        },
        .init("holds a job that was given up still, and no other") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...4)
            let held = try await confirm(ledger, jobs)
            try await settle(ledger, held[1])
            try await settle(ledger, held[3], failure)
            var selection = JobSelection(batch: batch)
            selection.sku = "SKU-1"
            _ = try await ledger.ledger.cancel(selection)
            let ran = Mutex<[JobID]>([])
            for job in jobs {
                let isGivenUp = try await ledger.ledger.whileGivenUp(job) { _ in ran.withLock { $0.append(job) } }
                #expect(isGivenUp == (job == jobs[0] || job == jobs[3]), "cancelled and discarded")
            }
            #expect(ran.withLock { $0 } == [jobs[0], jobs[3]])
            struct Trouble: Error {}
            await #expect(throws: Trouble.self) {
                try await ledger.ledger.whileGivenUp(jobs[0]) { _ in throw Trouble() }
            }
            _ = try await ledger.ledger.retry(JobSelection(batch: batch), limit: 10)
            for job in jobs {
                let again = try await ledger.ledger.whileGivenUp(job) { _ in }
                #expect(!again, "it may be somebody else's now")
            }
        },
        .init("leaves jobs that were delayed to the queue for a while when they are due") { ledger in
            try await ledger.ledger.register(worker("w"))
            let start = try await ledger.now().addingTimeInterval(30)
            var rest: [PlannedJob]? = jobs(1...2).map { job in
                var job = job
                job.scheduledAt = start
                return job
            }
            let submission = try await ledger.ledger.submit(
                NewBatch(
                    name: "b", outputRoot: "/out", sourcePath: "c.csv",
                    sourceSHA256: [UInt8](repeating: 7, count: 32), model: model)
            ) {
                defer { rest = nil }
                return rest
            }
            let delayed = try await ledger.ledger.undispatched(submission.batch, limit: 9)
            #expect(delayed.allSatisfy { $0.notBefore != nil }, "the queue has them, too")
            let ids = delayed.flatMap(\.jobs)
            try await ledger.advance(.seconds(31))
            let left = try await ledger.ledger.releaseDue(overdue: .seconds(60), limit: 9)
            #expect(left.isEmpty)
            let claimed = try await confirm(ledger, [ids[0]])
            #expect(claimed.map(\.id) == [ids[0]], "as it is")
            let forgotten = try await ledger.ledger.releaseDue(overdue: .zero, limit: 9)
            #expect(forgotten.map(\.job) == [ids[1]])
        },
        .init("selects by SKU, shot, state and reason") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...12)
            let held = try await confirm(ledger, Array(jobs[0...1]))
            try await settle(ledger, held[0], failure)
            try await settle(ledger, held[1])
            var selection = JobSelection(batch: batch, states: [.discarded])
            selection.reason = "bo*"
            selection.sku = "SKU-*"
            selection.shot = "main"
            let retried = try await ledger.ledger.retry(selection, limit: 10)
            #expect(retried.map(\.job) == [jobs[0]])
            selection = JobSelection(batch: batch)
            selection.sku = "SKU-1*"
            // 1 is available again, 10, 11 and 12 wait; LIKE's own signs mean nothing here.
            let cancelled = try await ledger.ledger.cancel(selection)
            #expect(cancelled == 4)
            selection.sku = "SKU_2"
            let none = try await ledger.ledger.cancel(selection)
            #expect(none == 0)
        },
        .init("retries the dead, with all their attempts, a piece at a time") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...5, maxAttempts: 1)
            for job in try await confirm(ledger, jobs) { try await settle(ledger, job, failure) }
            let selection = JobSelection(batch: batch, states: [.discarded])
            let first = try await ledger.ledger.retry(selection, limit: 2)
            let second = try await ledger.ledger.retry(selection, limit: 2)
            let third = try await ledger.ledger.retry(selection, limit: 2)
            #expect((first + second + third).map(\.job) == jobs)
            let nothing = try await ledger.ledger.retry(selection, limit: 2)
            #expect(nothing.isEmpty)
            let again = try await confirm(ledger, jobs)
            #expect(again.map(\.attemptNumber) == [1, 1, 1, 1, 1])
        },
        .init("refuses the finish of an attempt from before a retry") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...1)
            let old = try await confirm(ledger, jobs)[0]
            var selection = JobSelection(states: [.cancelled])
            _ = try await ledger.ledger.cancel(JobSelection(batch: old.batch))
            selection.job = old.id
            let entries = try await ledger.ledger.retry(selection, limit: 1)
            #expect(entries.count == 1)
            let new = try await confirm(ledger, jobs)[0]
            #expect(new.attempt > old.attempt)
            let stale = try await settle(ledger, old, from: 0, to: 5)
            #expect(stale == .stale)
            let verdict = try await settle(ledger, new, from: 5, to: 9)
            #expect(verdict == .accepted(.completed))
        },
        .init("gives nothing of a paused batch, owes it when it goes on") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (batch, jobs) = try await submit(ledger, 1...3)
            let running = try await confirm(ledger, [jobs[0]])
            try await ledger.ledger.pause(batch)
            let claimed = try await confirm(ledger, Array(jobs[1...]))
            #expect(claimed.isEmpty)
            var owed = try await ledger.ledger.owedJobs(
                model: model.fingerprint, after: nil, grace: .zero, limit: 10)
            #expect(owed.isEmpty)
            let verdict = try await settle(ledger, running[0])
            #expect(verdict == .accepted(.completed))
            let unfinished = try await ledger.ledger.hasUnfinishedJobs(model: model.fingerprint)
            #expect(!unfinished)
            try await ledger.ledger.resume(batch)
            try await ledger.advance(.seconds(1))
            owed = try await ledger.ledger.owedJobs(model: model.fingerprint, after: nil, grace: .zero, limit: 10)
            #expect(owed.map(\.job) == Array(jobs[1...]))
            let now = try await confirm(ledger, Array(jobs[1...]))
            #expect(now.count == 2)
        },
        .init("asks a worker to drain with its next heartbeat") { ledger in
            try await ledger.ledger.register(worker("w"))
            let before = try await heartbeat(ledger, [])
            #expect(!before.shouldDrain)
            let asked = try await ledger.ledger.drain([WorkerID(rawValue: "w"), WorkerID(rawValue: "nobody")])
            #expect(asked == [WorkerID(rawValue: "w")])
            let after = try await heartbeat(ledger, [])
            #expect(after.shouldDrain)
        },
    ]
}
