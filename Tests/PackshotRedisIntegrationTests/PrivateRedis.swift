import Foundation
import PackshotRedis

/// A Redis of a test's own, which it may stop, flush and misconfigure: on a unix socket in a folder that goes with it.
final class PrivateRedis: Sendable {
    let folder: URL
    let url: RedisURL
    private let arguments: [String]
    private let process = ProcessBox()

    /// Path of `redis-server`, if the machine has one.
    static let executable: String? =
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        .map { "\($0)/redis-server" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    static var isAvailable: Bool { executable != nil }

    /// Runs a test with a server.
    /// - Parameters:
    ///   - arguments: More of `redis-server`'s, such as `--requirepass`.
    ///   - login: `user:password@` for the URL.
    static func with(
        _ arguments: [String] = [], login: String = "", _ body: (PrivateRedis) async throws -> Void
    ) async throws {
        let server = try PrivateRedis(arguments, login: login)
        defer { server.remove() }
        try await server.start()
        try await body(server)
    }

    private init(_ arguments: [String], login: String) throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("packshot-redis-\(UInt32.random(in: .min ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        url = try RedisURL("unix://\(login)\(folder.path)/redis.sock")
        self.arguments = arguments
    }

    /// Starts the server and returns when it answers.
    func start() async throws {
        let server = Process()
        server.executableURL = URL(fileURLWithPath: Self.executable ?? "")
        server.arguments =
            [
                "--port", "0", "--unixsocket", "\(folder.path)/redis.sock", "--dir", folder.path, "--save", "",
                "--appendonly", "no", "--logfile", "\(folder.path)/redis.log",
            ] + arguments
        server.standardOutput = FileHandle.nullDevice
        try server.run()
        process.set(server)
        let connection = RedisConnection(url)
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            do {
                _ = try await connection.call(["PING"])
                return
            } catch {
                guard .now < deadline, server.isRunning else { throw error }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    /// Ends the server at once, as a crash does.
    func kill() { process.end(SIGKILL) }

    /// Stops and resumes the server's process.
    func pause() { process.signal(SIGSTOP) }
    func resume() { process.signal(SIGCONT) }

    private func remove() {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// The one process of a server. `@unchecked`: `process` is only touched under the lock.
private final class ProcessBox: @unchecked Sendable {
    private let lock = NSLock()
    private var process: Process?

    func set(_ new: Process) { lock.withLock { process = new } }

    func signal(_ number: Int32) {
        lock.withLock {
            if let process, process.isRunning { _ = Foundation.kill(process.processIdentifier, number) }
        }
    }

    func end(_ number: Int32) {
        signal(number)
        lock.withLock {
            process?.waitUntilExit()
            process = nil
        }
    }
}
