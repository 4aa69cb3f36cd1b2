import Foundation
import PackshotJobs
import Testing

/// What is submitted again, contradicts what is there, or is of another model.
extension LedgerConformance {
    static let submissions: [ConformanceCase<LedgerFixture>] = [
        .init("says in which batch and state a job is that is submitted again, and makes it once") { ledger in
            try await ledger.ledger.register(worker("w"))
            let first = try await enqueue(ledger, jobs(1...5), as: batch("a"))
            #expect(first.created == 5 && first.known.isEmpty)
            let held = try await confirm(ledger, ids(1...4))
            try await settle(ledger, held[0])
            try await settle(ledger, held[1], failure)
            try await cancel(ledger, JobID(rawValue: 3))
            let again = try await enqueue(ledger, jobs(1...6), as: batch("c"))
            #expect(again.submitted == 6 && again.created == 1 && again.existing == 5 && again.revived == 2)
            let states: [JobState] = [.available, .cancelled, .completed, .discarded, .running]
            #expect(
                again.known
                    == states.map {
                        KnownJobs(batch: first.batch, batchName: "a", outputRoot: "/out", state: $0, count: 1)
                    })
            let same = try await enqueue(ledger, jobs(1...6), as: batch("a"))
            #expect(same.created == 0 && same.batch == first.batch && same.revived == 0)
            #expect(same.known.map(\.batch) == [first.batch, first.batch, first.batch, again.batch])
            #expect(same.known.map(\.count) == [3, 1, 1, 1])
        },
        .init("makes what was cancelled or discarded after all when it is asked for again") { ledger in
            try await ledger.ledger.register(worker("w"))
            let first = try await enqueue(ledger, jobs(1...2), as: batch("a", maxAttempts: 1))
            let held = try await confirm(ledger, ids(1...1))
            try await settle(ledger, held[0], failure)
            try await cancel(ledger, JobID(rawValue: 2))
            try await ledger.ledger.markDispatched(first.batch, through: JobID(rawValue: 2))
            let again = try await enqueue(ledger, jobs(1...2), as: batch("a"))
            #expect(again.revived == 2)
            try await ledger.advance(.seconds(1))
            let owed = try await ledger.ledger.owedJobs(model: model.fingerprint, after: nil, grace: .zero, limit: 9)
            #expect(owed.map(\.job) == ids(1...2), "the queue is owed what waits again")
            let given = try await confirm(ledger, ids(1...2))
            #expect(given.map(\.attemptNumber) == [1, 1] && given.map(\.maxAttempts) == [1, 1])
        },
        .init("gives what is asked for again the priority and the start it is asked for with") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await enqueue(ledger, jobs(1...2), as: batch("a"))
            _ = try await ledger.ledger.cancel(JobSelection(states: [.available]))
            let start = try await ledger.now().addingTimeInterval(100)
            try await enqueue(ledger, jobs(1...1) { $0.priority = 1 }, as: batch("a"))
            try await enqueue(ledger, jobs(2...2) { $0.scheduledAt = start }, as: batch("a"))
            try await ledger.advance(.seconds(1))
            let owed = try await ledger.ledger.owedJobs(model: model.fingerprint, after: nil, grace: .zero, limit: 9)
            #expect(owed.map(\.job) == ids(1...1) && owed.map(\.lane.priority) == [1])
            let early = try await confirm(ledger, ids(2...2))
            #expect(early.isEmpty)
            try await ledger.advance(.seconds(100))
            let due = try await confirm(ledger, ids(2...2))
            #expect(due.count == 1)
        },
        .init("moves the start of what waits to the one it is submitted with") { ledger in
            try await ledger.ledger.register(worker("w"))
            let start = try await ledger.now().addingTimeInterval(100)
            try await enqueue(ledger, jobs(1...1) + jobs(2...2) { $0.scheduledAt = start }, as: batch("a"))
            try await enqueue(ledger, jobs(1...2), as: batch("a"))
            let without = try await confirm(ledger, ids(2...2))
            #expect(without.isEmpty, "no start was given, so nothing was moved")
            let sooner = try await ledger.now().addingTimeInterval(50)
            try await enqueue(ledger, jobs(1...2) { $0.scheduledAt = sooner }, as: batch("a"))
            let early = try await confirm(ledger, ids(1...2))
            #expect(early.isEmpty)
            try await ledger.advance(.seconds(51))
            let due = try await ledger.ledger.releaseDue(overdue: .zero, limit: 9)
            #expect(Set(due.map(\.job)) == Set(ids(1...2)))
            let given = try await confirm(ledger, ids(1...2))
            #expect(given.count == 2)
        },
        .init("refuses another model under the name of a batch, naming both, and keeps each to its own") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await ledger.ledger.register(worker("v", model: otherModel))
            try await enqueue(ledger, jobs(1...2), as: batch("a"))
            let error = await #expect(throws: StoreError.self) {
                try await enqueue(ledger, jobs(3...4), as: batch("a", model: otherModel))
            }
            #expect(error?.code == .conflict)
            for part in [model.name, "cccccccccccc", otherModel.name, "dddddddddddd", "--name"] {
                #expect(error?.message.contains(part) == true, "\(part)")
            }
            let other = try await enqueue(ledger, jobs(1...2), as: batch("o", model: otherModel))
            #expect(other.created == 2, "the same with other weights is another image")
            let entries = try await ledger.ledger.undispatched(other.batch, limit: 9)
            #expect(Set(entries.map(\.lane.model)) == [otherModel.fingerprint])
            let all = Array(Set(ids(1...2) + entries.flatMap(\.jobs)))
            let mine = try await confirm(ledger, all, by: "w")
            #expect(mine.map(\.id) == ids(1...2) && Set(mine.map(\.model)) == [model.fingerprint])
            let theirs = try await confirm(ledger, all, by: "v")
            #expect(Set(theirs.map(\.id)) == Set(entries.flatMap(\.jobs)))
            #expect(Set(theirs.map(\.model)) == [otherModel.fingerprint])
        },
        .init("names all paths that are taken, and changes nothing") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await enqueue(ledger, jobs(1...20), as: batch("a"))
            try await cancel(ledger, JobID(rawValue: 20))
            var rest = [
                jobs(20...25), jobs(1...6) { $0.spec.prompt += "!" }, jobs(30...31),
                jobs(7...12) { $0.spec.prompt += "!" },
            ][...]
            let error = await #expect(throws: StoreError.self) {
                try await ledger.ledger.submit(batch("a", budget: 5)) { rest.popFirst() }
            }
            #expect(error?.code == .conflict && rest.isEmpty)
            let lines = (error?.message ?? "").split(separator: "\n").map(String.init)
            #expect(lines.count == 12 && lines.first?.contains("12 images") == true, "\(lines)")
            #expect(lines.dropFirst().first == "  SKU SKU-1, shot main: b/1.png" && lines.last == "  and 2 more")
            let again = try await enqueue(ledger, jobs(1...31), as: batch("a"))
            #expect(again.created == 11 && again.revived == 1)
            let free = try await confirm(ledger, ids(1...2))
            #expect(free.map(\.spendingLimit) == [nil, nil], "the budget of a refused submission is not set")
        },
        .init("applies or refuses every option that is given again") { ledger in
            try await ledger.ledger.register(worker("w"))
            try await enqueue(ledger, jobs(1...9), as: batch("a", maxAttempts: 2, tenant: "t", weight: 3))
            for refused in [
                batch("a", maxAttempts: 3), batch("a", tenant: "other"),
            ] {
                let error = await #expect(throws: StoreError.self) {
                    try await enqueue(ledger, jobs(1...1), as: refused)
                }
                #expect(error?.code == .conflict && error?.message.contains("which stays") == true)
            }
            let urgent = await #expect(throws: StoreError.self) {
                try await enqueue(ledger, jobs(1...9) { $0.priority = 0 }, as: batch("a"))
            }
            #expect(urgent?.code == .conflict && urgent?.message.contains("9 images of batch a wait") == true)
            let elsewhere = try await enqueue(ledger, jobs(1...9) { $0.priority = 0 }, as: batch("c"))
            #expect(elsewhere.existing == 9, "what waits in another batch goes by that")
            let again = try await enqueue(
                ledger, jobs(10...10), as: batch("a", maxAttempts: 2, budget: 1_000, tenant: "t", weight: 7))
            let entries = try await ledger.ledger.undispatched(again.batch, limit: 99)
            #expect(Set(entries.map(\.share)) == [QueueShare(name: "t:t", weight: 7)])
            let held = try await confirm(ledger, ids(1...1), lease: .microseconds(1))
            #expect(held.map(\.spendingLimit) == [MicroDollars(rawValue: 1_000)])
            #expect(held.map(\.maxAttempts) == [2])
            let plain = try await enqueue(ledger, jobs(11...11), as: batch("a"))
            let share = try await ledger.ledger.undispatched(plain.batch, limit: 99).last?.share
            #expect(share == QueueShare(name: "t:t", weight: 7), "what is not given stays")
        },
    ]

    static let otherModel = ModelRecord(
        fingerprint: ModelFingerprint(rawValue: String(repeating: "d", count: 64)), name: "other", path: "/other",
        pipelineClass: "PRXPixelPipeline", parameterCount: 1, byteCount: 1)

    static func batch(
        _ name: String, model: ModelRecord = model, maxAttempts: Int? = nil, budget: Int64? = nil,
        tenant: String? = nil, weight: Int? = nil
    ) -> NewBatch {
        NewBatch(
            name: name, outputRoot: "/out", sourcePath: "c.csv", sourceSHA256: [UInt8](repeating: 7, count: 32),
            model: model, maxAttempts: maxAttempts, budget: budget.map(MicroDollars.init(rawValue:)), tenant: tenant,
            weight: weight)
    }

    static func jobs(_ numbers: ClosedRange<Int>, _ change: (inout PlannedJob) -> Void) -> [PlannedJob] {
        jobs(numbers).map { job in
            var job = job
            change(&job)
            return job
        }
    }

    static func ids(_ numbers: ClosedRange<Int64>) -> [JobID] { numbers.map(JobID.init(rawValue:)) }

    /// Submits jobs in two pieces.
    @discardableResult
    static func enqueue(_ ledger: LedgerFixture, _ jobs: [PlannedJob], as batch: NewBatch) async throws -> Submission {
        var rest = [Array(jobs.prefix(jobs.count / 2)), Array(jobs.dropFirst(jobs.count / 2))][...]
        return try await ledger.ledger.submit(batch) { rest.popFirst() }
    }

    static func cancel(_ ledger: LedgerFixture, _ job: JobID) async throws {
        var selection = JobSelection()
        selection.job = job
        _ = try await ledger.ledger.cancel(selection)
    }
}
