import Foundation
import Testing

/// A psql session that a test keeps open, with transactions and locks of its own.
final class BlockingSession {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var number = 0

    init(_ database: TestDatabase) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", database.url]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Begins statements and does not wait for their end.
    func start(_ sql: String) throws {
        number += 1
        try input.fileHandleForWriting.write(contentsOf: Data("\(sql);\n\\echo done \(number)\n".utf8))
    }

    /// Waits for the end of what was begun.
    func finish() throws {
        var text = ""
        while !text.contains("done \(number)\n") {
            let data = output.fileHandleForReading.availableData
            try #require(!data.isEmpty, "psql ended: \(text)")
            text += String(decoding: data, as: UTF8.self)
        }
    }

    func run(_ sql: String) throws {
        try start(sql)
        try finish()
    }

    /// Returns once some session of the database waits for a lock.
    func waitUntilBlocked(in database: TestDatabase) async throws {
        let waiting = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
            """
        for _ in 0..<600 {
            if try database.sql(waiting) != ["0"] { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("no session waits for a lock")
    }
}
