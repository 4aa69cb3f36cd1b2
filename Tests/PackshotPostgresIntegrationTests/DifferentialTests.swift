import Foundation
import PackshotJobs
import PackshotPostgres
import PackshotTestSupport
import Testing

extension LedgerTests {
    /// Random histories, applied to PostgreSQL and to the ledger in memory side by side, under one clock: states, attempts, what
    /// is given, taken, owed and told must agree after every step, and the money must add up at the end.
    @Test(arguments: 1...12) func randomHistoriesEqualTheReference(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            let clock = try ServerClock(database)
            let real = try database.anotherLedger()
            var history = History(
                database: database, real: real, memory: MemoryLedger { clock.now }, clock: clock,
                random: SeededGenerator(seed: seed))
            try await history.run()
        }
    }
}

/// A random history of two ledgers.
private struct History {
    let database: TestDatabase
    let real: PostgresLedger
    let memory: MemoryLedger
    var random: SeededGenerator
    let clock: ServerClock

    private let workers = ["a", "b", "c"]
    /// Attempts ever given; both ledgers number them alike.
    private var held: [(job: ClaimedJob, worker: String)] = []
    private var clocks: [String: Int64] = [:]
    private var batches: [BatchID] = []

    init(
        database: TestDatabase, real: PostgresLedger, memory: MemoryLedger, clock: ServerClock, random: SeededGenerator
    ) {
        (self.database, self.real, self.memory) = (database, real, memory)
        (self.clock, self.random) = (clock, random)
    }

    mutating func run() async throws {
        for worker in workers {
            try await real.register(Sample.worker(worker, perHour: 777_777))
            try await memory.register(Sample.worker(worker, perHour: 777_777))
        }
        try await submit(1...8, to: "b")
        try await submit(9...14, to: "c")
        for _ in 0..<70 {
            try clock.advance(.microseconds(1_703_111))
            try await step()
            let states = try database.sql("SELECT id, state, attempt FROM jobs ORDER BY id")
            try #require(
                states == memory.jobs.map { "\($0.id)|\($0.machine.state.rawValue)|\($0.machine.attempts)" })
        }
        #expect(try database.sql("SELECT sum(abs(difference_microusd)) FROM cost_reconciliation") == ["0"])
        #expect(
            try database.sql("SELECT count(*) FROM images")
                == ["\(memory.jobs.filter { $0.machine.state == .completed }.count)"])
        #expect(
            try database.sql("SELECT id, state::text FROM attempts ORDER BY id")
                == memory.attempts.map { "\($0.id)|\($0.state == .handedBack ? "handed_back" : $0.state.rawValue)" })
    }

    private mutating func step() async throws {
        switch random.below(12) {
        case 0, 1, 2: try await claim(by: workers[random.below(3)])
        case 3, 4, 5: try await settle()
        case 6: try await beat(workers[random.below(3)])
        case 7:
            var (taken, expected) = ([DispatchEntry](), [DispatchEntry]())
            for _ in 0..<random.below(12) {
                try clock.advance(.microseconds(1_000_721))
                let (one, other) = (try await real.rescueExpired(limit: 9), try await memory.rescueExpired(limit: 9))
                taken += one.available
                expected += other.available
                #expect(Set(one.discarded) == Set(other.discarded))
            }
            #expect(Set(taken) == Set(expected))
        case 8:
            let due = try await real.releaseDue(overdue: .milliseconds(3_350), limit: 99)
            let expected = try await memory.releaseDue(overdue: .milliseconds(3_350), limit: 99)
            #expect(Set(due) == Set(expected))
            let model = Sample.model.fingerprint
            let owed = try await real.owedJobs(model: model, after: nil, grace: .milliseconds(2_250), limit: 99)
            #expect(
                owed == (try await memory.owedJobs(model: model, after: nil, grace: .milliseconds(2_250), limit: 99)))
            let isUnfinished = try await real.hasUnfinishedJobs(model: model)
            #expect(isUnfinished == (try await memory.hasUnfinishedJobs(model: model)))
        case 9:
            var selection = JobSelection(batch: batches[random.below(2)])
            selection.sku = "SKU-\(random.below(14) + 1)"
            let count = try await real.cancel(selection)
            #expect(count == (try await memory.cancel(selection)))
        case 10:
            let batch = batches[random.below(2)]
            if random.below(3) == 0 {
                try await real.pause(batch)
                try await memory.pause(batch)
            } else {
                try await real.resume(batch)
                try await memory.resume(batch)
                let again = JobSelection(batch: batch, states: [.discarded])
                let entries = try await real.retry(again, limit: 2)
                #expect(entries == (try await memory.retry(again, limit: 2)))
            }
        default:
            let first = random.below(11) + 1
            try await submit(first...(first + random.below(4)), to: random.below(2) == 0 ? "b" : "c")
        }
    }

    private mutating func submit(_ numbers: ClosedRange<Int>, to name: String) async throws {
        let start = random.below(3) == 0 ? clock.now.addingTimeInterval(0.62 + Double(random.below(9))) : nil
        // Jobs are submitted again under either name: the numbers of new ones may have gaps in one ledger and not in the other.
        let jobs = numbers.map { Sample.job($0, path: "\(name)/\($0).png", at: start) }
        var answers: [Submission] = []
        for ledger in [real, memory] as [any BatchLedger] {
            var rest: [PlannedJob]? = jobs
            answers.append(
                try await ledger.submit(Sample.batch(name, maxAttempts: 3)) {
                    defer { rest = nil }
                    return rest
                })
        }
        #expect(answers[0] == answers[1])
        if !batches.contains(answers[0].batch) { batches.append(answers[0].batch) }
    }

    private mutating func claim(by worker: String) async throws {
        let ids = Set((0..<3).map { _ in Int64(random.below(16) + 1) }).sorted().map(JobID.init(rawValue:))
        let id = WorkerID(rawValue: worker)
        let given = try await real.confirm(ids, by: id, lease: .milliseconds(9_350)).sorted { $0.id < $1.id }
        let expected = try await memory.confirm(ids, by: id, lease: .milliseconds(9_350)).sorted { $0.id < $1.id }
        try #require(given == expected)
        for job in given where !held.contains(where: { $0.job.attempt == job.attempt }) { held.append((job, worker)) }
    }

    private mutating func settle() async throws {
        guard !held.isEmpty else { return }
        let index = random.below(held.count)
        let (job, worker) = held[index]
        let from = clocks[worker] ?? 0
        let to = from + Int64(random.below(1_000_000))
        clocks[worker] = to
        let outcome: Settlement.Outcome =
            switch random.below(6) {
            case 0: .failed(Sample.failure, retryAfter: .milliseconds(450 + 1_000 * random.below(5)))
            case 1: .failed(AttemptFailure(code: "x", message: "", isPermanent: true), retryAfter: .zero)
            case 2: .handedBack(reason: "r")
            case 3: .cancelled
            default: Sample.image(job)
            }
        let end = Sample.settlement(job, by: worker, outcome, from: from, to: to)
        let verdicts = try await real.settle([end])
        #expect(verdicts == (try await memory.settle([end])))
        // Now and then the same end is reported twice.
        if random.below(3) > 0 { held.remove(at: index) }
    }

    private mutating func beat(_ worker: String) async throws {
        let progress = held.filter { $0.worker == worker }.map {
            AttemptProgress(job: $0.job.id, attempt: $0.job.attempt, step: random.below(4), steps: 4)
        }
        let id = WorkerID(rawValue: worker)
        let reply = try await real.heartbeat(id, progress: progress, uptime: 1, lease: .milliseconds(9_350))
        #expect(reply == (try await memory.heartbeat(id, progress: progress, uptime: 1, lease: .milliseconds(9_350))))
    }
}
