internal import Foundation
package import PackshotJobs

/// Budgets: how a batch stands with its own, and what changes that besides claims and ends of attempts. Whoever decides holds the
/// lock of ``lockRestrictions(_:)``. Nobody keeps a sum by hand: the tallies have it, and change with the attempts.
extension PostgresLedger {
    /// What is there of a batch's budget, and what its images take.
    struct BudgetStanding {
        private let limit: MicroDollars
        private var committed: MicroDollars
        private var running: Int
        /// False while attempts run that were begun before there was a budget and of which nobody knows what they will cost.
        private let isForeseeable: Bool
        private let record: WorkRecord
        /// What a claim would have had to set aside that ended the batch's work.
        var needed: MicroDollars?

        fileprivate init(
            limit: MicroDollars, committed: MicroDollars, running: Int, isForeseeable: Bool, record: WorkRecord
        ) {
            self.limit = limit
            self.committed = committed
            self.running = running
            self.isForeseeable = isForeseeable
            self.record = record
        }

        func claim(_ workload: Workload, at card: RateCard, lease: Int64) -> Budget.Decision {
            guard isForeseeable else { return .wait }
            return Budget(limit: limit, committed: committed).claim(
                record.estimate(of: workload), at: card, lease: lease, isIdle: running == 0)
        }

        mutating func reserve(_ amount: MicroDollars) {
            committed = committed + amount
            running += 1
        }
    }

    /// Columns of specifications j for ``workload(_:)``.
    static let workloadColumns = "j.width, j.height, j.steps, j.guidance, j.negative_prompt <> '', j.shortcuts"

    static func workload(_ cells: inout Reader) throws -> Workload {
        Workload(
            width: try cells.number(), height: try cells.number(), steps: try cells.number(),
            guidance: try cells.number(), hasNegativePrompt: try cells.text() == "t",
            shortcuts: try cells.optional().map { try JSONDecoder().decode(Shortcuts.self, from: Data($0.utf8)) })
    }

    /// Those of some batches that have a budget.
    static func budgetStandings(
        _ batches: Set<Int64>, _ session: PostgresSession
    ) throws -> [Int64: BudgetStanding] {
        var result: [Int64: BudgetStanding] = [:]
        for batch in batches.sorted() {
            // Attempts that run: also of cancelled jobs, whose workers go on until they hear of it.
            let row = try session.query(
                """
                SELECT b.budget_microusd,
                       (SELECT coalesce(sum(image_microusd + waste_microusd + reserved_microusd), 0) FROM batch_tallies
                        WHERE batch_id = b.id),
                       r.attempts, r.unforeseen, b.model_fingerprint
                FROM batches b CROSS JOIN LATERAL (
                    SELECT count(*) AS attempts, count(*) FILTER (WHERE a.reserved_microusd IS NULL) AS unforeseen
                    FROM (\(runningSQL)) a) r
                WHERE b.id = $1 AND b.budget_microusd IS NOT NULL
                """, [.integer(batch)]
            ).rows.first
            guard let row else { continue }
            var cells = Reader(row)
            let limit = MicroDollars(rawValue: try cells.number())
            var committed = MicroDollars(rawValue: try cells.number())
            let running = try cells.number(Int.self)
            let hasUnforeseen = try cells.number(Int.self) > 0
            let record = try workRecord(batch, of: try cells.text(), session)
            let unforeseen = hasUnforeseen ? try priceOfUnforeseen(batch, record, session) : .zero
            if let unforeseen { committed = committed + unforeseen }
            result[batch] = BudgetStanding(
                limit: limit, committed: committed, running: running, isForeseeable: unforeseen != nil, record: record)
        }
        return result
    }

    /// Attempts of batch $1 that run.
    private static let runningSQL = """
        SELECT a.* FROM job_states s JOIN attempts a ON a.id = s.current_attempt_id WHERE s.state = 'running' AND s.batch_id = $1
        UNION ALL
        SELECT a.* FROM attempts a WHERE a.cancelled_at > now() - interval '30 days' AND a.state = 'running' AND a.batch_id = $1
        """

    /// The latest images of a model, the batch's own and everybody's, and what of the batch was stopped for its cost.
    private static func workRecord(
        _ batch: Int64, of model: String, _ session: PostgresSession
    ) throws -> WorkRecord {
        let rows = try session.query(
            """
            SELECT \(workloadColumns), a.busy_to_us - a.busy_from_us, a.state = 'completed'
            FROM (SELECT id FROM (SELECT id FROM attempts
                                  WHERE batch_id = $1 AND reserved_microusd IS NOT NULL
                                    AND (state = 'completed' OR (state = 'handed_back' AND error_code = $2))
                                  ORDER BY id DESC LIMIT $4) own
                  UNION SELECT attempt_id FROM (SELECT attempt_id FROM images ORDER BY id DESC LIMIT $4) latest) i
            JOIN attempts a ON a.id = i.id JOIN job_specs j ON j.id = a.job_id JOIN batches b ON b.id = a.batch_id
            WHERE b.model_fingerprint = $3
            """,
            [.integer(batch), .text(Settlement.overBudgetCode), .text(model), .integer(WorkRecord.length)]
        ).rows
        return WorkRecord(
            try rows.map { row in
                var cells = Reader(row)
                return WorkRecord.Entry(
                    workload: try workload(&cells), microseconds: try cells.number(),
                    isComplete: try cells.text() == "t")
            })
    }

    /// What attempts that were begun before there was a budget will cost; nil when nobody knows.
    private static func priceOfUnforeseen(
        _ batch: Int64, _ record: WorkRecord, _ session: PostgresSession
    ) throws -> MicroDollars? {
        var sum = MicroDollars.zero
        for row in try session.query(
            """
            SELECT \(workloadColumns), r.name, r.microusd_per_hour
            FROM (\(runningSQL)) a JOIN job_specs j ON j.id = a.job_id JOIN rate_cards r ON r.id = a.rate_card_id
            WHERE a.reserved_microusd IS NULL
            """, [.integer(batch)]
        ).rows {
            var cells = Reader(row)
            guard let estimate = record.estimate(of: try workload(&cells)) else { return nil }
            let card = RateCard(name: try cells.text(), perHour: MicroDollars(rawValue: try cells.number()))
            sum = sum + card.price(fromMicroseconds: 0, to: estimate.microseconds)
        }
        return sum
    }

    static func rateCard(of worker: WorkerID, _ session: PostgresSession) throws -> RateCard {
        guard
            let row = try session.query(
                """
                SELECT r.name, r.microusd_per_hour FROM workers w JOIN rate_cards r ON r.id = w.rate_card_id WHERE w.id = $1
                """, [.text(worker.rawValue)]
            ).rows.first
        else { return RateCard(name: "none", perHour: .zero) }
        var cells = Reader(row)
        return RateCard(name: try cells.text(), perHour: MicroDollars(rawValue: try cells.number()))
    }

    package func reserve(_ request: SpendingRequest, for attempt: AttemptID) async throws -> MicroDollars? {
        try await connection.run { session in
            try session.transaction {
                try Self.lockRestrictions(session)
                let row = try session.query(
                    """
                    SELECT a.reserved_microusd, v.budget_microusd, v.committed_microusd
                    FROM attempts a JOIN batch_budgets v ON v.batch_id = a.batch_id
                    WHERE a.id = $1 AND a.state = 'running' AND a.reserved_microusd IS NOT NULL
                    """, [.integer(attempt.rawValue)]
                ).rows.first
                guard let row else { return nil }
                var cells = Reader(row)
                let reserved = MicroDollars(rawValue: try cells.number())
                let limit = cells.optional().flatMap { Int64($0) }.map(MicroDollars.init(rawValue:))
                let committed = MicroDollars(rawValue: try cells.number())
                let granted: MicroDollars
                if let limit {
                    guard let more = Budget(limit: limit, committed: committed).extend(reserved, to: request) else {
                        return nil
                    }
                    granted = more
                } else {
                    // A budget that was taken away again bounds nothing.
                    granted = max(reserved, request.wanted)
                }
                let changed = try session.query(
                    "UPDATE attempts SET reserved_microusd = $2 WHERE id = $1 AND state = 'running'",
                    [.integer(attempt.rawValue), .integer(granted.rawValue)])
                return changed.affected == 1 ? granted : nil
            }
        }
    }

    package func setBudget(_ batch: BatchID, _ limit: MicroDollars?) async throws {
        try await connection.run { session in
            try session.transaction { try Self.setBudget(batch, limit, session) }
        }
    }

    /// Within a transaction. Changes the limit and nothing else: what it is held against is kept with a budget and without.
    static func setBudget(_ batch: BatchID, _ limit: MicroDollars?, _ session: PostgresSession) throws {
        try lockRestrictions(session)
        try session.query(
            "UPDATE batches SET budget_microusd = $2 WHERE id = $1",
            [.integer(batch.rawValue), limit.map { .integer($0.rawValue) } ?? .null])
        try session.query(
            """
            UPDATE batches SET paused_at = NULL, pause_reason = NULL FROM batch_budgets v
            WHERE batches.id = $1 AND v.batch_id = $1 AND batches.pause_reason = 'budget'
              AND (v.budget_microusd IS NULL OR v.left_microusd > 0)
            """, [.integer(batch.rawValue)])
    }
}
