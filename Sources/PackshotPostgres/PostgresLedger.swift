internal import PackshotJobs

/// The ledger in PostgreSQL. One value uses one connection; give heartbeats a ledger of their own.
package struct PostgresLedger: Sendable {
    let connection: PostgresConnection

    package init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    /// Cells in the order of a query's columns, read one after the other.
    struct Reader {
        private let cells: [String?]
        private var next = 0

        init(_ cells: [String?]) {
            self.cells = cells
        }

        mutating func optional() -> String? {
            defer { next += 1 }
            return next < cells.count ? cells[next] : nil
        }

        mutating func text() throws(StoreError) -> String {
            guard let value = optional() else {
                throw StoreError(.postgres, .unexpected, "PostgreSQL answered without column \(next)")
            }
            return value
        }

        mutating func number<Value: LosslessStringConvertible>(_ type: Value.Type = Value.self) throws(StoreError)
            -> Value
        {
            let value = try text()
            guard let number = Value(value) else {
                throw StoreError(.postgres, .unexpected, "PostgreSQL answered \(value) where a number was expected")
            }
            return number
        }
    }
}
