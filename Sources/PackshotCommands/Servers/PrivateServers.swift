internal import Digests
internal import Foundation
internal import Glibc

/// A redis-server and a PostgreSQL of one's own, on unix sockets in a data folder, without ports.
///
/// Both are children of this process in process groups of their own, and the kernel stops them if this process dies
/// (`setpriv --pdeathsig`). PostgreSQL refuses to run as root, so root starts it as the user `postgres`.
final class PrivateServers {
    private let data: String
    private let cluster: String
    private let sockets: String
    private let dropsPrivileges: Bool
    private let ownsSocketFolder: Bool
    private var redis: ChildProcess?
    private var postgres: ChildProcess?
    private var lockFile: Int32 = -1

    /// Where `DATABASE_URL` and `REDIS_URL` lead while the servers run.
    var environment: [String: String] {
        [
            "DATABASE_URL": "postgresql:///packshot?host=\(percentEncoded(sockets))&user=\(user)",
            "REDIS_URL": "unix://\(sockets)/redis.sock",
        ]
    }

    private var user: String { dropsPrivileges ? "postgres" : NSUserName() }

    /// Prepares folders and locks them against a second `up`.
    /// - Throws: ``CommandError`` saying what is in the way.
    init(data: String) throws {
        self.data = data
        dropsPrivileges = geteuid() == 0
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        lockFile = open("\(data)/up.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lockFile >= 0, flock(lockFile, LOCK_EX | LOCK_NB) == 0 else {
            throw CommandError(
                .failure, "\(data) is in use by another `packshot up`: stop that one, or give another --data")
        }
        if dropsPrivileges {
            guard getpwnam("postgres") != nil else {
                throw CommandError(
                    .failure,
                    "PostgreSQL does not run as root and there is no user `postgres`: install Debian's postgresql, or run as an ordinary user"
                )
            }
            cluster = Self.isReachableByOthers(data) ? "\(data)/postgres" : Self.systemFolder(for: data) + "/postgres"
        } else {
            cluster = "\(data)/postgres"
        }
        // A unix socket's path may have 107 bytes, and PostgreSQL's own name takes 16 of them.
        let inData = "\(data)/run"
        ownsSocketFolder = inData.utf8.count > 85 || (dropsPrivileges && !Self.isReachableByOthers(data))
        sockets = ownsSocketFolder ? "/tmp/packshot-\(String(UInt64.random(in: .min ... .max), radix: 36))" : inData
    }

    /// Starts both servers, creating the cluster and the database the first time.
    /// - Throws: ``CommandError`` with the end of the failing server's log. Nothing is left running.
    func start() throws {
        do {
            try makeFolders()
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
        if ownsSocketFolder { try? FileManager.default.removeItem(atPath: sockets) }
    }

    /// The name of a server that ended by itself, or nil.
    func nameOfEndedServer() -> String? {
        if let redis, redis.poll() != nil { return "redis-server (see \(data)/redis.log)" }
        if let postgres, postgres.poll() != nil { return "PostgreSQL (see \(data)/postgres.log)" }
        return nil
    }

    // MARK: Folders

    private func makeFolders() throws {
        for folder in [(cluster as NSString).deletingLastPathComponent, sockets, "\(data)/redis"] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        chmod(sockets, 0o755)
        if dropsPrivileges, let entry = getpwnam("postgres") {
            try FileManager.default.createDirectory(atPath: cluster, withIntermediateDirectories: true)
            chmod(cluster, 0o700)
            chown(cluster, entry.pointee.pw_uid, entry.pointee.pw_gid)
            chown(sockets, entry.pointee.pw_uid, entry.pointee.pw_gid)
        }
    }

    /// True when a user without rights of its own can reach a folder: every part of its path may be searched by all.
    private static func isReachableByOthers(_ path: String) -> Bool {
        var current = (path as NSString).standardizingPath
        while true {
            var status = stat()
            guard stat(current, &status) == 0, status.st_mode & S_IXOTH != 0 else { return false }
            if current == "/" { return true }
            current = (current as NSString).deletingLastPathComponent
        }
    }

    /// A folder of its own for each data folder that only root can reach, such as one below `/root`.
    private static func systemFolder(for data: String) -> String {
        "/var/lib/packshot/\(SHA256Digest.hash(data.utf8).prefix(8).hexadecimal)"
    }

    // MARK: Servers

    private func startRedis() throws {
        let socket = "\(sockets)/redis.sock"
        unlink(socket)
        redis = try server(
            [
                try Self.find("redis-server", hint: "install Debian's redis-server"), "--port", "0", "--unixsocket",
                socket, "--unixsocketperm", "777", "--dir", "\(data)/redis", "--appendonly", "yes", "--appendfsync",
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
        if !FileManager.default.fileExists(atPath: "\(cluster)/PG_VERSION") {
            let initdb = try server(
                [
                    "\(folder)/initdb", "-D", cluster, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
                    "--username=\(user)", "--no-instructions",
                ], deathSignal: "TERM", log: "postgres.log", asPostgres: true)
            guard initdb.wait(seconds: 120) == .exited(0) else { throw failure("initdb", log: "postgres.log") }
        }
        postgres = try server(
            [
                "\(folder)/postgres", "-D", cluster, "-k", sockets, "-c", "listen_addresses=", "-c",
                "unix_socket_permissions=0777", "-c", "shared_buffers=128MB", "-c", "max_connections=300",
                "-c", "log_min_messages=warning",
            ], deathSignal: "INT", log: "postgres.log", asPostgres: true)
        let isReady = { try self.run(["\(folder)/pg_isready", "-q", "-h", self.sockets, "-U", self.user]) == 0 }
        try waitUntil("PostgreSQL", log: "postgres.log", child: postgres, isReady)
        let exists = try run([
            "\(folder)/psql", "-qAt", "-h", sockets, "-U", user, "-d", "packshot", "-c", "SELECT",
        ])
        if exists != 0, try run(["\(folder)/createdb", "-h", sockets, "-U", user, "packshot"]) != 0 {
            throw failure("createdb", log: "postgres.log")
        }
    }

    private func server(
        _ arguments: [String], deathSignal: String, log: String, asPostgres: Bool
    ) throws -> ChildProcess {
        var command = ["setpriv", "--pdeathsig", deathSignal]
        if asPostgres, dropsPrivileges {
            command += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        }
        // The server must not inherit OpenBLAS or locale settings meant for us, but needs PATH and the rest.
        return try ChildProcess(
            command + arguments, environment: ProcessInfo.processInfo.environment, ownGroup: true,
            outputPath: "\(data)/\(log)")
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

    private func percentEncoded(_ path: String) -> String {
        path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? path
    }
}
