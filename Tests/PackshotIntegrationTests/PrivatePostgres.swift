import Foundation
import Testing

/// A PostgreSQL server of a test's own, for what cannot be done to the one that all tests share: little room, a crash.
final class PrivatePostgres {
    let url: String
    private let folder: String
    private let binaries: String
    private let settings: [String]

    /// Runs the body with a server, and its program's environment.
    static func with(_ settings: [String], _ body: (PrivatePostgres) async throws -> Void) async throws {
        let server = try PrivatePostgres(settings)
        do {
            try await body(server)
        } catch {
            server.remove()
            throw error
        }
        server.remove()
    }

    private init(_ settings: [String]) throws {
        self.settings = settings
        folder = "/tmp/packshot-pg-\(UUID().uuidString.prefix(8))"
        url = "postgresql://postgres@/postgres?host=\(folder)"
        let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").compactMap { Int($0) }
        binaries = "/usr/lib/postgresql/\(try #require(versions.max()))/bin"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if getuid() == 0, let user = getpwnam("postgres") {
            chown(folder, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        try tool("initdb", "-D", "\(folder)/data", "--auth=trust", "--username=postgres", "-E", "UTF8", "--no-sync")
        try start()
    }

    func start() throws {
        let options = (["listen_addresses=", "unix_socket_directories=\(folder)", "fsync=off"] + settings).map {
            "-c \($0)"
        }
        try tool(
            "pg_ctl", "-D", "\(folder)/data", "-w", "-o", options.joined(separator: " "), "-l", "\(folder)/log", "start"
        )
    }

    /// Ends it as a crash does: sessions hear nothing, or half of it.
    func crash() throws { try tool("pg_ctl", "-D", "\(folder)/data", "-m", "immediate", "stop") }

    private func remove() {
        try? crash()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func tool(_ name: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let user = getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []
        // The server must not inherit the descriptor by whose end Foundation knows that a process is over.
        let alone = #"for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done; exec "$@""#
        process.arguments = user + ["bash", "-c", alone, "bash", "\(binaries)/\(name)"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(name) \(arguments) failed")
    }
}
