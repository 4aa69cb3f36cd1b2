internal import Foundation
internal import Glibc

/// A redis-server and a PostgreSQL of one's own, on unix sockets in a data folder, without ports.
///
/// Only the user who starts them can use them: sockets lie in folders that nobody else may enter, and PostgreSQL asks the kernel
/// who is at the other end (`peer`). Both are children of this process in process groups of their own, and the kernel stops
/// them if this process dies (`setpriv --pdeathsig`). PostgreSQL refuses to run as root, so root starts it as the user
/// `postgres`; root alone gets in there, too.
final class PrivateServers {
    private let folders: DataFolder
    private var redis: ChildProcess?
    private var postgres: ChildProcess?

    private var data: String { folders.data }
    private var cluster: String { folders.cluster }

    /// Where `DATABASE_URL` and `REDIS_URL` lead while the servers run.
    var environment: [String: String] {
        let host = Self.percentEncoded(folders.postgresSockets, keeping: .alphanumerics)
        // The path as it is, but for what means something in a URL.
        let path = Self.percentEncoded(
            "\(folders.redisSockets)/redis.sock",
            keeping: CharacterSet(charactersIn: "!"..."~").subtracting(CharacterSet(charactersIn: "%?#\"<>\\^`{|}")))
        return [
            "DATABASE_URL": "postgresql:///packshot?host=\(host)&user=\(folders.databaseUser)",
            "REDIS_URL": "unix://\(path)",
        ]
    }

    /// Held by the servers for as long as one of their processes lives; workers hold it, too.
    var lock: Int32 { folders.serversLock }

    /// Prepares folders and locks them against a second `up`.
    /// - Throws: ``CommandError`` saying what is in the way.
    init(data: String) throws {
        folders = try DataFolder(data)
    }

    /// Starts both servers, creating the cluster and the database the first time.
    /// - Throws: ``CommandError`` with the end of the failing server's log. Nothing is left running.
    func start() throws {
        do {
            try startRedis()
            try startPostgres()
        } catch {
            stop()
            throw error
        }
    }

    /// Stops both servers cleanly, PostgreSQL by a fast shutdown and Redis after saving. Safe to call twice.
    func stop() {
        postgres?.signal(SIGINT)
        redis?.signal(SIGTERM)
        for (server, name) in [(postgres, "PostgreSQL"), (redis, "Redis")] {
            guard let server else { continue }
            if server.wait(seconds: 30) == nil {
                Talk.note("\(name) did not stop within 30 s; killing it")
                server.signal(SIGKILL)
                _ = server.wait(seconds: 5)
            }
        }
        postgres = nil
        redis = nil
        folders.removeTemporary()
    }

    /// The name of a server that ended by itself, or nil.
    func nameOfEndedServer() -> String? {
        if let redis, redis.poll() != nil { return "redis-server (see \(data)/redis.log)" }
        if let postgres, postgres.poll() != nil { return "PostgreSQL (see \(data)/postgres.log)" }
        return nil
    }

    // MARK: Servers

    private func startRedis() throws {
        let socket = "\(folders.redisSockets)/redis.sock"
        unlink(socket)
        redis = try server(
            [
                try Self.find("redis-server", hint: "install Debian's redis-server"), "--port", "0", "--unixsocket",
                socket, "--unixsocketperm", "700", "--dir", "\(data)/redis", "--appendonly", "yes", "--appendfsync",
                "everysec", "--maxmemory-policy", "noeviction", "--daemonize", "no", "--save", "",
                "--stream-node-max-entries", "32",
            ], deathSignal: "TERM", log: "redis.log", asPostgres: false)
        // A server that still loads its data has its socket already, and answers with an error.
        let client = try Self.find("redis-cli", hint: "install Debian's redis-tools")
        try waitUntil("redis-server", log: "redis.log", child: redis) {
            try access(socket, R_OK | W_OK) == 0 && run([client, "-e", "-s", socket, "ping"]) == 0
        }
    }

    private func startPostgres() throws {
        let folder = try Self.postgresFolder()
        let user = folders.databaseUser
        if !FileManager.default.fileExists(atPath: "\(cluster)/PG_VERSION") {
            // Made under another name: a half of a cluster, left when this is killed, is never taken for a whole one.
            let fresh = try folders.freshCluster()
            let initdb = try server(
                [
                    "\(folder)/initdb", "-D", fresh, "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8",
                    "--locale=C.UTF-8", "--username=\(user)", "--no-instructions",
                ], deathSignal: "TERM", log: "postgres.log", asPostgres: true)
            guard initdb.wait(seconds: 120) == .exited(0) else { throw failure("initdb", log: "postgres.log") }
            guard rename(fresh, cluster) == 0 else { throw failure("initdb", log: "postgres.log") }
        }
        let (access, names) = try folders.writeAccessRules()
        let sockets = folders.postgresSockets
        postgres = try server(
            [
                "\(folder)/postgres", "-D", cluster, "-k",
                "\"\(sockets.replacingOccurrences(of: "\"", with: "\"\""))\"",
                "-c", "hba_file=\(access)", "-c", "ident_file=\(names)", "-c", "listen_addresses=", "-c",
                "unix_socket_permissions=0700", "-c", "shared_buffers=128MB", "-c", "max_connections=300",
                "-c", "log_min_messages=warning",
            ], deathSignal: "INT", log: "postgres.log", asPostgres: true)
        let isReady = { try self.run(["\(folder)/pg_isready", "-q", "-h", sockets, "-U", user]) == 0 }
        try waitUntil("PostgreSQL", log: "postgres.log", child: postgres, isReady)
        let exists = try run([
            "\(folder)/psql", "-XqAt", "-h", sockets, "-U", user, "-d", "packshot", "-c", "SELECT",
        ])
        if exists != 0, try run(["\(folder)/createdb", "-h", sockets, "-U", user, "packshot"]) != 0 {
            throw failure("createdb", log: "postgres.log")
        }
    }

    private func server(
        _ arguments: [String], deathSignal: String, log: String, asPostgres: Bool
    ) throws -> ChildProcess {
        var command = ["setpriv", "--pdeathsig", deathSignal]
        if asPostgres, folders.owner.isRoot {
            command += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        }
        // The server must not inherit OpenBLAS or locale settings meant for us, but needs PATH and the rest.
        return try ChildProcess(
            command + arguments, environment: ProcessInfo.processInfo.environment, ownGroup: true,
            outputPath: "\(data)/\(log)", keeping: lock)
    }

    private func run(_ arguments: [String]) throws -> Int32 {
        let child = try ChildProcess(
            arguments, environment: ProcessInfo.processInfo.environment, ownGroup: true,
            outputPath: "\(data)/postgres.log")
        guard let ending = child.wait(seconds: 30) else {
            child.signal(SIGKILL)
            return -1
        }
        return ending.shellCode
    }

    private func waitUntil(
        _ name: String, log: String, child: ChildProcess?, _ isReady: () throws -> Bool
    ) throws {
        let deadline = ContinuousClock().now + .seconds(60)
        while try !isReady() {
            if child?.poll() != nil || ContinuousClock().now > deadline { throw failure(name, log: log) }
            usleep(20_000)
        }
    }

    private func failure(_ name: String, log: String) -> CommandError {
        let text = (try? String(contentsOfFile: "\(data)/\(log)", encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n").suffix(6).joined(separator: "\n  ")
        return CommandError(.failure, "\(name) did not start; the end of \(data)/\(log):\n  \(lines)")
    }

    /// The folder of PostgreSQL's server programs: beside `initdb` on PATH, or where Debian keeps them (newest first).
    private static func postgresFolder() throws -> String {
        let debian = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? [])
            .compactMap { Int($0) }.sorted(by: >)
        for version in versions where access("\(debian)/\(version)/bin/initdb", X_OK) == 0 {
            return "\(debian)/\(version)/bin"
        }
        let found = try find("initdb", hint: "install Debian's postgresql")
        return ((found as NSString).resolvingSymlinksInPath as NSString).deletingLastPathComponent
    }

    private static func find(_ program: String, hint: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in path.split(separator: ":") where access("\(folder)/\(program)", X_OK) == 0 {
            return "\(folder)/\(program)"
        }
        throw CommandError(.failure, "\(program) is not on PATH: \(hint)")
    }

    private static func percentEncoded(_ path: String, keeping: CharacterSet) -> String {
        path.addingPercentEncoding(withAllowedCharacters: keeping) ?? path
    }
}
