package import Foundation
package import PackshotJobs
import Testing

/// Both sides of a ledger that a conformance case talks to, and its clock.
package struct LedgerFixture: Sendable {
    package let ledger: any JobLedger & BatchLedger & SteeringLedger
    /// Moves the ledger's clock on, which stands still otherwise.
    package let advance: @Sendable (Duration) async throws -> Void
    /// What the ledger's clock says.
    package let now: @Sendable () async throws -> Date

    package init(
        _ ledger: any JobLedger & BatchLedger & SteeringLedger,
        advance: @escaping @Sendable (Duration) async throws -> Void, now: @escaping @Sendable () async throws -> Date
    ) {
        self.ledger = ledger
        self.advance = advance
        self.now = now
    }
}

/// What every ledger promises, whichever store it is in. Each case gets an empty ledger.
package enum LedgerConformance {
    package static let cases: [ConformanceCase<LedgerFixture>] =
        claims + submissions + settling + leases + steering + budgets + limits
        + money + charging + moneyHistories

    private static let claims: [ConformanceCase<LedgerFixture>] = [
        .init("gives a job to its worker as it was submitted") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...6)
            let held = try await confirm(ledger, jobs)
            #expect(held.map(\.spec) == Self.jobs(1...6).map(\.spec))
            #expect(held.map(\.relativePath) == Self.jobs(1...6).map(\.relativePath))
        },
        .init("claims a job once that is named twice") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 1...3)
            let held = try await confirm(ledger, [jobs[0], jobs[1], jobs[0], jobs[0]])
            #expect(held.map(\.id) == [jobs[0], jobs[1]])
            #expect(held.map(\.attemptNumber) == [1, 1])
            let again = try await confirm(ledger, [jobs[0], jobs[0], jobs[2]])
            #expect(again.map(\.id) == [jobs[0], jobs[2]])
            #expect(again.first?.attempt == held.first?.attempt)
        },
        .init("takes the same image with other shortcuts for another job") { ledger in
            try await ledger.ledger.register(worker("w"))
            let (_, jobs) = try await submit(ledger, 3...3)
            let exact = try await submit(ledger, 3...3, name: "exact") { $0.shortcuts = nil }
            let again = try await submit(ledger, 3...3, name: "b")
            #expect(jobs.count == 1 && exact.jobs.count == 1 && again.jobs == jobs)
        },
    ]

    static let model = ModelRecord(
        fingerprint: ModelFingerprint(rawValue: String(repeating: "c", count: 64)), name: "m", path: "/m",
        pipelineClass: "PRXPixelPipeline", parameterCount: 1, byteCount: 1)

    static func worker(
        _ name: String, perHour: Int64 = 3_600_000_000, model: ModelRecord = model
    ) -> WorkerRegistration {
        // A dollar a second, so that a microsecond is a micro-dollar.
        WorkerRegistration(
            id: WorkerID(rawValue: name), host: "h", processID: 1, version: "0", threads: 1, kernelClass: "k",
            model: model, rateCard: RateCard(name: "\(name) \(perHour)", perHour: MicroDollars(rawValue: perHour)))
    }

    static func jobs(_ numbers: ClosedRange<Int>) -> [PlannedJob] {
        numbers.map { number in
            PlannedJob(
                product: ProductRecord(sku: "SKU-\(number)", title: "t", attributes: [:]), shot: "main", variant: 0,
                spec: GenerationSpec(
                    prompt: "p\(number)", negativePrompt: "", seed: UInt64(number), width: 8, height: 8, steps: 1,
                    guidance: 1,
                    // Some of what a job may carry, so that it is seen to come back as it went in.
                    shortcuts: number % 3 == 0 ? Shortcuts(stepCache: 0.1, solverOrder: 2) : nil),
                relativePath: "b/\(number).png")
        }
    }

    /// Submits jobs and gives their ids in order.
    static func submit(
        _ ledger: LedgerFixture, _ numbers: ClosedRange<Int>, name: String = "b", maxAttempts: Int = 3,
        budget: Int64? = nil, change: (inout GenerationSpec) -> Void = { _ in }
    ) async throws -> (batch: BatchID, jobs: [JobID]) {
        var rest: [PlannedJob]? = jobs(numbers).map { job in
            var job = job
            change(&job.spec)
            return job
        }
        let submission = try await ledger.ledger.submit(
            NewBatch(
                name: name, outputRoot: "/out/\(name)", sourcePath: "c.csv",
                sourceSHA256: [UInt8](repeating: 7, count: 32), model: model, maxAttempts: maxAttempts,
                budget: budget.map(MicroDollars.init(rawValue:)))
        ) {
            defer { rest = nil }
            return rest
        }
        let entries = try await ledger.ledger.undispatched(submission.batch, limit: 1000)
        return (submission.batch, entries.flatMap(\.jobs))
    }

    static func confirm(
        _ ledger: LedgerFixture, _ jobs: [JobID], by worker: String = "w", lease: Duration = .seconds(600)
    ) async throws -> [ClaimedJob] {
        try await ledger.ledger.confirm(jobs, by: WorkerID(rawValue: worker), lease: lease).sorted { $0.id < $1.id }
    }

    @discardableResult
    static func settle(
        _ ledger: LedgerFixture, _ job: ClaimedJob, _ outcome: Settlement.Outcome? = nil, by worker: String = "w",
        from: Int64 = 0, to: Int64 = 0
    ) async throws -> SettlementVerdict {
        try await ledger.ledger.settle([settlement(job, outcome, by: worker, from: from, to: to)])[0]
    }

    /// The end of an attempt, with its image if nothing else is said.
    static func settlement(
        _ job: ClaimedJob, _ outcome: Settlement.Outcome? = nil, by worker: String = "w", from: Int64, to: Int64
    ) -> Settlement {
        let image = ImageRecord(
            relativePath: job.relativePath, sha256: [UInt8](repeating: 1, count: 32), byteCount: 1, width: 8, height: 8,
            effectivePrompt: "p", promptTokens: 1, version: "0")
        return Settlement(
            job: job.id, attempt: job.attempt, worker: WorkerID(rawValue: worker),
            outcome: outcome ?? .completed(image), busyFrom: from, busyTo: to, stages: StageTimes(),
            embeddingSources: [])
    }

    static func heartbeat(
        _ ledger: LedgerFixture, _ jobs: [ClaimedJob], by worker: String = "w", lease: Duration = .seconds(600)
    ) async throws -> HeartbeatReply {
        try await ledger.ledger.heartbeat(
            WorkerID(rawValue: worker),
            progress: jobs.map { AttemptProgress(job: $0.id, attempt: $0.attempt, step: 0, steps: 1) }, uptime: 1,
            lease: lease)
    }

    static let failure = Settlement.Outcome.failed(
        AttemptFailure(code: "boom", message: "it broke", isPermanent: true), retryAfter: .zero)
}
