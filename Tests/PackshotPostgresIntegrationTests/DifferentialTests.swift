import Foundation
import PackshotJobs
import PackshotPostgres
import PackshotTestSupport
import Testing

extension LedgerTests {
    /// Random histories, applied to PostgreSQL and to the ledger in memory side by side: states, attempts and verdicts must
    /// agree after every step, and the money must add up at the end.
    @Test(arguments: 1...12) func randomHistoriesEqualTheReference(seed: UInt64) async throws {
        try await TestDatabase.with { database in
            let memory = MemoryLedger()
            var random = SeededGenerator(seed: seed)
            let workers = ["a", "b", "c"]
            for worker in workers {
                try await database.ledger.register(Sample.worker(worker, perHour: 777_777))
                try await memory.register(Sample.worker(worker, perHour: 777_777))
            }
            let jobs = (1...12).map { Sample.job($0) }
            try await database.submit(jobs, to: Sample.batch(maxAttempts: 3))
            var rest: [PlannedJob]? = jobs
            _ = try await memory.submit(Sample.batch(maxAttempts: 3)) {
                defer { rest = nil }
                return rest
            }
            // Attempts ever given, as both ledgers know them: their numbers may differ, their order may not.
            var held: [(real: ClaimedJob, model: ClaimedJob, worker: String)] = []
            var clocks: [String: Int64] = [:]
            for _ in 0..<60 {
                switch random.below(5) {
                case 0, 1:
                    let worker = workers[random.below(3)]
                    let ids = Set((0..<3).map { _ in Int64(random.below(14) + 1) }).sorted()
                    let holding = Set(held.filter { $0.worker == worker }.map(\.real.id.rawValue))
                    let asked = ids.filter { !holding.contains($0) }
                    let real = try await database.confirm(asked, by: worker, lease: .seconds(600))
                    let model = try await memory.confirm(
                        asked.map(JobID.init(rawValue:)), by: WorkerID(rawValue: worker), lease: .seconds(600)
                    ).sorted { $0.id < $1.id }
                    try #require(real.map(\.id) == model.map(\.id))
                    #expect(real.map(\.attemptNumber) == model.map(\.attemptNumber))
                    held += zip(real, model).map { ($0, $1, worker) }
                case 2, 3:
                    guard !held.isEmpty else { continue }
                    let index = random.below(held.count)
                    let (real, model, worker) = held[index]
                    let from = clocks[worker] ?? 0
                    let to = from + Int64(random.below(5_000_000))
                    clocks[worker] = to
                    let outcome: Settlement.Outcome =
                        switch random.below(6) {
                        case 0: .failed(Sample.failure, retryAfter: .zero)
                        case 1: .failed(AttemptFailure(code: "x", message: "", isPermanent: true), retryAfter: .zero)
                        case 2: .handedBack(reason: "r")
                        case 3: .cancelled
                        default: Sample.image(real)
                        }
                    let verdicts = try await database.ledger.settle([
                        Sample.settlement(real, by: worker, outcome, from: from, to: to)
                    ])
                    let expected = try await memory.settle([
                        Sample.settlement(model, by: worker, outcome, from: from, to: to)
                    ])
                    #expect(verdicts == expected)
                    // Now and then the same end is reported twice.
                    if random.below(3) > 0 { held.remove(at: index) }
                default:
                    _ = try await database.ledger.releaseDue(overdue: .zero, limit: 100)
                    _ = try await memory.releaseDue(overdue: .zero, limit: 100)
                }
                let states = try database.sql("SELECT id, state, attempt FROM jobs ORDER BY id")
                try #require(
                    states == memory.jobs.map { "\($0.id)|\($0.machine.state.rawValue)|\($0.machine.attempts)" })
            }
            #expect(try database.sql("SELECT sum(abs(difference_microusd)) FROM cost_reconciliation") == ["0"])
            #expect(
                try database.sql("SELECT count(*) FROM images")
                    == ["\(memory.jobs.filter { $0.machine.state == .completed }.count)"])
        }
    }
}
