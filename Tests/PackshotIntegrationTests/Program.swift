import Foundation
import Testing

/// The program under test, as built by `ops/test`, and the servers it started.
enum Program {
    /// Path of the `packshot` executable; the tests drive it as a user would.
    static let path = ProcessInfo.processInfo.environment["PACKSHOT_PROGRAM"]
    static let databaseURL = ProcessInfo.processInfo.environment["DATABASE_URL"]
    static let redisURL = ProcessInfo.processInfo.environment["REDIS_URL"]

    /// True when `ops/test` has set everything up.
    static var isAvailable: Bool { path != nil && databaseURL != nil && redisURL != nil }

    /// The repository, found from this file's place in it.
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static let demoModel = "\(repository)/ops/demo/packshot-tiny"

    /// What a finished run printed and how it ended.
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }
}

/// A run of the program that may still be going on.
final class RunningProgram {
    private let process = Process()
    private let outputFile: URL
    private let errorsFile: URL

    init(_ executable: String, _ arguments: [String], environment: [String: String], folder: String) throws {
        let name = UUID().uuidString
        outputFile = URL(fileURLWithPath: "\(folder)/\(name).out")
        errorsFile = URL(fileURLWithPath: "\(folder)/\(name).err")
        for file in [outputFile, errorsFile] { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorsFile)
        try process.run()
    }

    var isRunning: Bool { process.isRunning }
    var processID: Int32 { process.processIdentifier }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// What it has said on standard error so far.
    var errorsSoFar: String { (try? String(contentsOf: errorsFile, encoding: .utf8)) ?? "" }

    func wait() throws -> Program.Outcome {
        process.waitUntilExit()
        // Foundation reports a signal's number as the status; shells add 128.
        let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Program.Outcome(
            status: status, output: try String(contentsOf: outputFile, encoding: .utf8),
            errors: try String(contentsOf: errorsFile, encoding: .utf8))
    }
}

/// A database, a Redis key space and a folder of its own for one test; all gone afterwards.
final class Site {
    let folder: String
    let out: String
    let environment: [String: String]
    private let database: String
    private let adminURL: String

    /// Runs a test's body on a fresh site.
    /// - Parameter migrated: Brings the schema up to date first.
    static func with(migrated: Bool = true, _ body: (Site) async throws -> Void) async throws {
        let site = try Site()
        do {
            if migrated { try #require(try site.run(["migrate"]).status == 0) }
            try await body(site)
        } catch {
            site.remove()
            throw error
        }
        site.remove()
    }

    private init() throws {
        adminURL = try #require(Program.databaseURL)
        let redis = try #require(Program.redisURL)
        database = "site_" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(database).path
        out = "\(folder)/images"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var environment = ProcessInfo.processInfo.environment
        environment["DATABASE_URL"] = adminURL.replacingOccurrences(of: "/packshot?", with: "/\(database)?")
        environment["REDIS_URL"] = redis + (redis.contains("?") ? "&" : "?") + "prefix=\(database)"
        self.environment = environment
        try #require(environment["DATABASE_URL"] != adminURL, "DATABASE_URL must name the database packshot")
        _ = try Self.psql(adminURL, "CREATE DATABASE \(database)")
    }

    private func remove() {
        _ = try? Self.psql(adminURL, "DROP DATABASE \(database) WITH (FORCE)")
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: Driving

    func start(_ arguments: [String], environment extra: [String: String] = [:]) throws -> RunningProgram {
        try RunningProgram(
            try #require(Program.path), arguments, environment: environment.merging(extra) { $1 }, folder: folder)
    }

    func run(_ arguments: [String], environment extra: [String: String] = [:]) throws -> Program.Outcome {
        try start(arguments, environment: extra).wait()
    }

    /// Runs a line of bash in which `$packshot` is the program.
    func shell(_ line: String) throws -> Program.Outcome {
        let program = try #require(Program.path)
        return try RunningProgram(
            "/usr/bin/env", ["bash", "-c", line], environment: environment.merging(["packshot": program]) { $1 },
            folder: folder
        ).wait()
    }

    /// Writes a file into the site's folder and returns its path.
    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// A catalog of mugs, the product the demo model draws best, each row with a colour of its own turn.
    func catalog(rows: Int, name: String = "catalog.csv") throws -> String {
        let colours = ["red", "green", "blue", "orange", "purple", "turquoise"]
        let lines = (0..<rows).map { "SKU-\($0),\(colours[$0 % colours.count]) ceramic mug" }
        return try file(name, (["sku,title"] + lines).joined(separator: "\n") + "\n")
    }

    // MARK: Looking

    /// The rows of a query, columns joined by `|`, as `psql -At` prints them: a witness that shares no code with us.
    func sql(_ query: String) throws -> [String] {
        try Self.psql(try #require(environment["DATABASE_URL"]), query)
    }

    /// The same of another database.
    func sql(_ query: String, on url: String) throws -> [String] { try Self.psql(url, query) }

    func count(_ query: String) throws -> Int {
        try #require(Int(try sql(query).first ?? ""))
    }

    /// Paths of all regular files below the output folder but the ledger's mark, relative to it, sorted.
    func files() throws -> [String] {
        guard let walker = FileManager.default.enumerator(atPath: out) else { return [] }
        var found: [String] = []
        while let path = walker.nextObject() as? String {
            if path.hasPrefix(".packshot") { continue }
            if walker.fileAttributes?[.type] as? FileAttributeType == .typeRegular { found.append(path) }
        }
        return found.sorted()
    }

    private static func psql(_ url: String, _ query: String) throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", url, "-c", query]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "psql failed: \(query)")
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Removes every key of this site from Redis, as a wiped server would have lost them.
    func wipeRedis() throws {
        let url = try #require(environment["REDIS_URL"])
        let socket = try #require(url.split(separator: "?").first).dropFirst("unix://".count)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "bash", "-c",
            "redis-cli -s \(socket) --scan --pattern '\(database)*' | xargs -r redis-cli -s \(socket) DEL",
        ]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    /// Waits, looking every few milliseconds, until something is so. The limit only ends what is broken: it is many times the seconds
    /// an idle machine takes at most.
    func wait(upTo seconds: Double, for what: String, _ condition: () throws -> Bool) async throws {
        let deadline = ContinuousClock().now + .seconds(10 * seconds)
        while try !condition() {
            try #require(ContinuousClock().now < deadline, "waited \(seconds) s in vain for: \(what)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
