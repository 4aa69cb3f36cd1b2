internal import CLibPQ
internal import Foundation
internal import PackshotJobs

/// The answer to a query, copied out of libpq.
struct PostgresRows: Sendable {
    /// Cells in text form by row and column; nil for NULL.
    let rows: [[String?]]
    /// Rows an INSERT, UPDATE or DELETE touched.
    let affected: Int
}

/// One libpq connection, used by one thread at a time (its owner is an actor).
///
/// Values travel as parameters, never inside the SQL. Statements are prepared once a connection.
final class PostgresSession {
    private let connection: OpaquePointer
    private let server: String
    private var statements: [String: String] = [:]

    /// How the server chooses its plans.
    enum Planning {
        /// By what it knows of the tables, for people's questions.
        case byStatistics
        /// Along indexes and in the order the statement says, once and for all: what a worker asks names its rows. A plan
        /// made by statistics is made while the tables are still empty, and then reads all waiting jobs for each claim.
        case byKey
    }

    /// Connects.
    /// - Throws: ``StoreError`` `.unreachable`.
    init(url: PostgresURL, planning: Planning) throws(StoreError) {
        server = url.shown
        guard let connection = PQconnectdb(url.connectionString) else {
            throw StoreError(.postgres, .unreachable, "PostgreSQL at \(url.shown): out of memory")
        }
        self.connection = connection
        guard PQstatus(connection) == CONNECTION_OK else {
            let reason = url.redact(String(cString: PQerrorMessage(connection)))
            throw StoreError(
                .postgres, .unreachable, "cannot reach PostgreSQL at \(url.shown): \(reason)")
        }
        _ = PQsetNoticeReceiver(connection, { _, _ in }, nil)
        // Compiling a query takes longer than any of ours. The others decide how values are written and read: no setting of the
        // environment, the role or the database may change them.
        try script(
            """
            SET jit = off; SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET bytea_output = 'hex';
            SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;
            SET standard_conforming_strings = on; SET array_nulls = on; SET transform_null_equals = off
            """)
        if planning == .byKey {
            // A worker that vanishes amid a transaction holds locks that others wait for.
            try script(
                """
                SET idle_in_transaction_session_timeout = '5s';
                SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off;
                SET enable_seqscan = off; SET join_collapse_limit = 1; SET random_page_cost = 0.01;
                SET cpu_tuple_cost = 1; SET cpu_index_tuple_cost = 1
                """)
        }
    }

    deinit {
        PQfinish(connection)
    }

    /// False once the connection is lost or of no more use; it will not come back.
    var isUsable: Bool { !isLost && PQstatus(connection) == CONNECTION_OK }
    private var isLost = false

    /// Runs one statement with parameters `$1…`.
    @discardableResult
    func query(_ sql: String, _ parameters: [PostgresValue] = []) throws(StoreError) -> PostgresRows {
        let name = try prepared(sql)
        return try take(send(parameters, to: name))
    }

    /// Runs a script of several statements without parameters, as migrations are.
    func script(_ sql: String) throws(StoreError) {
        _ = try take(PQexec(connection, sql))
    }

    private var channels: Set<String> = []
    /// How often a wait looks whether its task was cancelled.
    private static let waitSlice = Duration.milliseconds(250)

    /// Waits until somebody notifies a channel, the timeout is over or the task is cancelled. What was notified since the
    /// channel was first waited on and not waited for ends the wait at once.
    func waitForNotification(on channel: String, timeout: Duration) throws(StoreError) {
        if !channels.contains(channel) {
            try script("LISTEN \(channel)")
            channels.insert(channel)
        }
        let deadline = ContinuousClock.now + timeout
        while true {
            guard PQconsumeInput(connection) == 1 else { throw lost(String(cString: PQerrorMessage(connection))) }
            var isNotified = false
            while let notification = PQnotifies(connection) {
                isNotified = true
                PQfreemem(notification)
            }
            let left = deadline - .now
            if isNotified || left <= .zero || Task.isCancelled { return }
            var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            let milliseconds = min(left, Self.waitSlice) / .milliseconds(1)
            _ = poll(&descriptor, 1, Int32(max(1, milliseconds)))
        }
    }

    /// Runs the body in a transaction; an error rolls back.
    func transaction<Value>(_ body: () throws -> Value) throws -> Value {
        try script("BEGIN")
        do {
            let value = try body()
            try script("COMMIT")
            return value
        } catch {
            if isUsable { try? script("ROLLBACK") }
            throw error
        }
    }

    /// Bytes of COPY's data that are sent at once: the server works on one piece while the next is made.
    private static let copyPiece = 1 << 15

    /// Carries out a `COPY … FROM STDIN BINARY`, one row for each element.
    /// - Throws: ``StoreError``; what `encode` throws, and then nothing is copied.
    func copy<Elements: Sequence>(
        _ sql: String, _ elements: Elements, _ encode: (Elements.Element, inout BinaryRows) throws -> Void
    ) throws {
        let start = PQexec(connection, sql)
        let status = PQresultStatus(start)
        guard status == PGRES_COPY_IN else {
            _ = try take(start)
            return
        }
        PQclear(start)
        do {
            var rows = BinaryRows()
            for element in elements {
                try encode(element, &rows)
                if rows.count >= Self.copyPiece, !put(rows.take()) { break }
            }
            rows.end()
            _ = put(rows.take())
        } catch {
            PQputCopyEnd(connection, "the producer stopped")
            while let result = PQgetResult(connection) { PQclear(result) }
            throw error
        }
        // Whatever kept data from being sent, the answer to this tells.
        PQputCopyEnd(connection, nil)
        var failure: StoreError?
        while let result = PQgetResult(connection) {
            do throws(StoreError) { _ = try take(result) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    private func put(_ piece: [UInt8]) -> Bool {
        piece.withUnsafeBytes { bytes in
            PQputCopyData(connection, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count)) == 1
        }
    }

    private func prepared(_ sql: String) throws(StoreError) -> String {
        if let name = statements[sql] { return name }
        let name = "s\(statements.count)"
        _ = try take(PQprepare(connection, name, sql, 0, nil))
        statements[sql] = name
        return name
    }

    /// Copies a result out and frees it.
    private func take(_ result: OpaquePointer?) throws(StoreError) -> PostgresRows {
        defer { PQclear(result) }
        guard let result else {
            isLost = true
            throw lost(String(cString: PQerrorMessage(connection)))
        }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            let (rows, columns) = (PQntuples(result), PQnfields(result))
            let cells = (0..<rows).map { row in
                (0..<columns).map { column -> String? in
                    guard let value = PQgetvalue(result, row, column), PQgetisnull(result, row, column) == 0 else {
                        return nil
                    }
                    let length = Int(PQgetlength(result, row, column))
                    return String(decoding: UnsafeRawBufferPointer(start: value, count: length), as: UTF8.self)
                }
            }
            return PostgresRows(rows: cells, affected: Int(String(cString: PQcmdTuples(result))) ?? 0)
        default:
            let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
            let message =
                PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? "no reason given"
            // An error without a code is libpq's own: a server that crashes amid an answer leaves one, and a connection that still
            // looks whole.
            guard isUsable, let state else {
                isLost = true
                throw lost(message)
            }
            // A server that became a standby answers read-only for good; its successor is found by connecting again.
            if state == "25006" { isLost = true }
            throw StoreError(sqlState: state, message: message, server: server)
        }
    }

    private func lost(_ reason: String) -> StoreError {
        StoreError(
            .postgres, .unreachable,
            "lost the connection to PostgreSQL at \(server): \(reason.trimmingCharacters(in: .whitespacesAndNewlines))")
    }

    /// Runs a prepared statement. All values lie behind each other in one buffer meanwhile.
    private func send(_ parameters: [PostgresValue], to statement: String) -> OpaquePointer? {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(parameters.reduce(0) { $0 + ($1.bytes?.count ?? 0) })
        var places: [Int?] = []
        for parameter in parameters {
            places.append(parameter.bytes == nil ? nil : buffer.count)
            buffer += parameter.bytes ?? []
        }
        let lengths = parameters.map { Int32($0.bytes?.count ?? 0) }
        let formats: [Int32] = parameters.map { $0.isBinary ? 1 : 0 }
        // A value of no bytes needs a place, too: without one it would be NULL.
        buffer.append(0)
        return buffer.withUnsafeBytes { bytes in
            let base = bytes.bindMemory(to: CChar.self).baseAddress
            let values = places.map { place in place.flatMap { offset in base.map { $0 + offset } } }
            return PQexecPrepared(connection, statement, Int32(parameters.count), values, lengths, formats, 0)
        }
    }
}

extension StoreError {
    /// What an SQLSTATE means (PostgreSQL manual, appendix A) for whoever called.
    init(sqlState: String, message: String, server: String) {
        let code: Code
        switch sqlState {
        case "57P01", "57P02", "57P03", "57P05": code = .unreachable
        case "25006", "40001", "40P01", "55P03", "57014": code = .refused
        case _ where sqlState.hasPrefix("08"): code = .unreachable
        case _ where sqlState.hasPrefix("53") || sqlState.hasPrefix("58"): code = .refused
        case "42P01", "42703", "42883", "42704", "3F000": code = .schema
        // Class 22: a value that does not fit; class 23: a constraint. The same call fails for ever.
        case _ where sqlState.hasPrefix("22") || sqlState.hasPrefix("23"): code = .conflict
        default: code = .unexpected
        }
        let advice = code == .schema ? "; run \"packshot migrate\"" : ""
        self.init(.postgres, code, "PostgreSQL at \(server): \(message)\(advice)", detail: sqlState)
    }
}
