extension LedgerReports {
    /// Every worker's time accounted for, in micro-dollars, and what in it cannot be.
    package struct Reconciliation: Codable, Sendable {
        package let workers: Int
        package let total: Int64
        package let images: Int64
        package let waste: Int64
        package let idle: Int64
        /// Of all workers, whatever their sign: 0, or time is charged twice or at another price than it has.
        package let difference: Int64
        /// The first hundred; none when the books are sound.
        package let faults: [Fault]

        /// True when nothing is charged twice, every price is right, and no worker is charged for longer than it lived.
        package var isSound: Bool { difference == 0 && faults.isEmpty }
    }

    /// Something in a worker's time that cannot be.
    package struct Fault: Codable, Hashable, Sendable {
        package enum Kind: String, Codable, Sendable {
            /// Two attempts are charged with the same stretch.
            case chargedTwice
            /// An attempt costs something else than its time at its price.
            case priced
            /// The worker's time line is longer than the ledger saw it live.
            case outlived
            /// More is deleted with old attempts than its time is worth.
            case overdrawn
        }

        package let kind: Kind
        package let worker: String
        /// The attempts it is about, by id; none when it is about the worker.
        package let attempts: [Int64]
        /// Microseconds, or micro-dollars of a price, that are too many or too few.
        package let amount: Int64

        package init(kind: Kind, worker: String, attempts: [Int64], amount: Int64) {
            self.kind = kind
            self.worker = worker
            self.attempts = attempts
            self.amount = amount
        }
    }

    /// Worker time x price against images + waste + idle, over all workers, and each worker's stretches against each other, against
    /// their prices and against the time the worker lived by the ledger's clock.
    package func reconciliation() async throws -> Reconciliation {
        try await connection.run { session in
            // One picture of all: a worker that settles between two questions would look like a fault.
            try session.transaction {
                try session.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                let row = try session.query(
                    """
                    SELECT count(*), coalesce(sum(total_microusd), 0), coalesce(sum(image_microusd), 0),
                           coalesce(sum(waste_microusd), 0), coalesce(sum(idle_microusd), 0),
                           coalesce(sum(abs(difference_microusd)), 0)
                    FROM cost_reconciliation
                    """
                ).rows[0]
                func number(_ index: Int) -> Int64 { row[index].flatMap { Int64($0) } ?? 0 }
                return Reconciliation(
                    workers: Int(number(0)), total: number(1), images: number(2), waste: number(3), idle: number(4),
                    difference: number(5), faults: try Self.faults(session))
            }
        }
    }

    private static func faults(_ session: PostgresSession) throws -> [Fault] {
        try session.query("SELECT kind, worker_id, attempts, amount FROM cost_faults ORDER BY 1, 2, 3 LIMIT 100").rows
            .map {
                row in
                Fault(
                    kind: row[0].flatMap(Fault.Kind.init(rawValue:)) ?? .priced, worker: row[1] ?? "",
                    attempts: (row[2] ?? "").split { !$0.isNumber }.compactMap { Int64($0) },
                    amount: row[3].flatMap { Int64($0) } ?? 0)
            }
    }
}
