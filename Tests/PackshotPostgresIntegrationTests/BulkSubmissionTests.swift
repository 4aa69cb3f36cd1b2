import Foundation
import PackshotJobs
import PackshotPostgres
import Testing

/// Submissions in many chunks, of which some or all is there already, and several at once.
extension LedgerTests {
    private static func submit(_ chunks: [[PlannedJob]], to batch: NewBatch, _ ledger: PostgresLedger) async throws
        -> Submission
    {
        var rest = chunks[...]
        return try await ledger.submit(batch) { rest.popFirst() }
    }

    /// Jobs of products with two images each, so that chunks of an odd size end within a product.
    private static func jobs(_ products: ClosedRange<Int>, priorities: [Int] = [4]) -> [PlannedJob] {
        products.flatMap { number in
            (0..<2).map { variant in
                PlannedJob(
                    product: ProductRecord(sku: "S-\(number)", title: "Mug \(number)", attributes: ["n": "\(number)"]),
                    shot: "main", variant: variant,
                    spec: GenerationSpec(
                        prompt: "mug \(number)", negativePrompt: "", seed: UInt64(number * 2 + variant), width: 8,
                        height: 8,
                        steps: 4, guidance: 2),
                    relativePath: "b/S-\(number)/S-\(number).main.\(variant).png",
                    priority: priorities[variant % priorities.count])
            }
        }
    }

    private static func chunks(_ jobs: [PlannedJob], of size: Int) -> [[PlannedJob]] {
        stride(from: 0, to: jobs.count, by: size).map { Array(jobs[$0..<min($0 + size, jobs.count)]) }
    }

    private static let sound = """
        SELECT count(*), count(DISTINCT unique_key), count(DISTINCT (product_id, shot, variant)),
               count(*) FILTER (WHERE j.relative_path = format('b/%1$s/%1$s.%2$s.%3$s.png', p.sku, j.shot, j.variant)),
               (SELECT count(*) FROM products), (SELECT sum(jobs) FROM batch_progress)
        FROM jobs j JOIN products p ON p.id = j.product_id AND p.title = replace(p.sku, 'S-', 'Mug ')
        """

    @Test(arguments: [1, 3, 7, 100]) func chunksMakeOneBatch(size: Int) async throws {
        try await TestDatabase.with { database in
            let jobs = Self.jobs(1...20)
            let first = try await Self.submit(Self.chunks(jobs, of: size), to: Sample.batch(), database.ledger)
            #expect(first.created == 40 && first.submitted == 40)
            #expect(try database.sql(Self.sound) == ["40|40|40|40|20|40"])
            #expect(
                try database.sql("SELECT array_agg(seed ORDER BY id) = array_agg(seed ORDER BY seed) FROM jobs") == [
                    "t"
                ])

            // Again with others before, between and after: only these are new.
            let more = jobs[..<9] + Self.jobs(30...31) + jobs[9...] + Self.jobs(40...60)
            let second = try await Self.submit(Self.chunks(Array(more), of: size), to: Sample.batch(), database.ledger)
            #expect(second.batch == first.batch && second.created == 46 && second.existing == 40)
            #expect(try database.sql(Self.sound) == ["86|86|86|86|43|86"])

            // Under another name, which the ledger does not expect.
            let other = try await Self.submit(
                Self.chunks(Array(jobs + Self.jobs(70...70)), of: size), to: Sample.batch("other"), database.ledger)
            #expect(other.created == 2 && other.existing == 40)
            #expect(try database.sql(Self.sound) == ["88|88|88|88|44|88"])
            #expect(try await database.audit().isEmpty)
        }
    }

    /// F1 of the fault catalogue: everybody submits the same at the same time.
    @Test(arguments: [true, false]) func producersAtOnceMakeEachJobOnce(underOneName: Bool) async throws {
        try await TestDatabase.with { database in
            let chunks = Self.chunks(Self.jobs(1...500), of: 90)
            let ledgers = try (0..<8).map { _ in try database.anotherLedger() }
            let created = try await withThrowingTaskGroup(of: Int.self) { group in
                for (number, ledger) in ledgers.enumerated() {
                    let batch = Sample.batch(underOneName ? "b" : "b\(number)")
                    group.addTask { try await Self.submit(chunks, to: batch, ledger).created }
                }
                return try await group.reduce(0, +)
            }
            #expect(created == 1000)
            let counts = try database.sql(Self.sound)[0].split(separator: "|")
            #expect(counts[..<4].allSatisfy { $0 == "1000" } && counts[5] == "1000")
            #expect(try await database.audit().isEmpty)
            var dispatched = Set<JobID>()
            for batch in try await database.ledger.batchesToDispatch() {
                for entry in try await database.ledger.undispatched(batch, limit: 10_000) {
                    dispatched.formUnion(entry.jobs)
                }
            }
            #expect(dispatched.count == 1000)
        }
    }

    /// A catalog goes to the queue as few entries, also when its shots differ in priority.
    @Test func jobsOfOneLaneFollowEachOther() async throws {
        try await TestDatabase.with { database in
            let submission = try await Self.submit(
                Self.chunks(Self.jobs(1...100, priorities: [2, 6]), of: 100), to: Sample.batch(), database.ledger)
            let entries = try await database.ledger.undispatched(submission.batch, limit: 1000)
            #expect(entries.map(\.count) == [50, 50, 50, 50])
            #expect(entries.map(\.lane.priority) == [2, 6, 2, 6])
            let priorities = try database.sql("SELECT priority FROM jobs ORDER BY id").compactMap { Int($0) }
            for entry in entries {
                #expect(entry.jobs.allSatisfy { priorities[Int($0.rawValue) - 1] == entry.lane.priority })
            }
            // What is marked is not given again, also from the middle of a run.
            try await database.ledger.markDispatched(submission.batch, through: JobID(rawValue: 120))
            let rest = try await database.ledger.undispatched(submission.batch, limit: 50)
            #expect(rest.map(\.job.rawValue) == [121, 151] && rest.map(\.count) == [30, 20])
        }
    }

    /// The producer is ahead of the ledger; that one of its chunks is refused stops neither: all that is wrong is named last.
    @Test func aRefusedChunkIsNamedWithAllOthers() async throws {
        try await TestDatabase.with { database in
            try await database.submit([Sample.job(1)])
            let chunks =
                [[Sample.job(1, prompt: "other")]] + (2...50).map { [Sample.job($0)] } + [
                    [Sample.job(1, prompt: "third")]
                ]
            var rest = chunks[...]
            let error = await #expect(throws: StoreError.self) {
                try await database.ledger.submit(Sample.batch()) { rest.popFirst() }
            }
            #expect(error?.code == .conflict && rest.isEmpty)
            #expect(error?.message.contains("2 images") == true)
            #expect(try database.sql("SELECT count(*) FROM jobs") == ["1"])
            #expect(try await database.submit([Sample.job(2)]).created == 1)
        }
    }

    @Test func whatStartsLaterIsDispatchedAsThat() async throws {
        try await TestDatabase.with { database in
            let start = Date(timeIntervalSince1970: 4_000_000_000)
            let later = (1...3).map { Sample.job($0, at: start) }
            let past = (4...5).map { Sample.job($0, at: Date(timeIntervalSince1970: 1_000_000_000)) }
            let submission = try await Self.submit([later + past], to: Sample.batch(), database.ledger)
            let entries = try await database.ledger.undispatched(submission.batch, limit: 9)
            #expect(entries.map(\.count) == [3, 2])
            #expect(entries.map(\.notBefore) == [start, nil])
            #expect(
                try database.sql("SELECT state, count(*) FROM jobs GROUP BY 1 ORDER BY 1") == [
                    "available|2", "scheduled|3",
                ])
        }
    }
}
