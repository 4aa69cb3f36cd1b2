package import ArgumentParser
internal import Foundation
internal import Glibc

/// `packshot up`: everything a command needs around it, for as long as it runs.
package struct UpCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run a command with private Redis and PostgreSQL servers (and workers) around it.",
        discussion: """
            Starts redis-server and PostgreSQL on unix sockets in a data folder (no ports), brings the schema up to date, \
            runs the command with DATABASE_URL and REDIS_URL set, and stops everything when it ends, also on Ctrl-C. What \
            is in the data folder is there again the next time. If DATABASE_URL or REDIS_URL is set already, no servers \
            are started and the command runs on those given.

            With --workers, that many workers run beside the command. They load the model and write to the folder of the \
            batches they find in the ledger, and are told to stop (SIGTERM) when the command has ended.

            Only the user who runs it can use the servers. If it is killed, everything it started is killed too.

            The exit code is the command's.
            """)

    @Option(help: "Folder of the servers' data; created if missing.")
    package var data = "packshot-data"

    @Option(help: "Workers to run beside the command.")
    package var workers = 0

    @Argument(parsing: .postTerminator, help: "The command to run, after `--`.")
    package var command: [String] = []

    package init() {}

    package func validate() throws {
        guard !command.isEmpty else { throw ValidationError("give the command to run after `--`, such as `-- bash`") }
        guard !data.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw ValidationError("--data holds a control character; give another folder")
        }
        guard (0...64).contains(workers) else { throw ValidationError("--workers is 0 to 64") }
    }

    package func run() throws {
        let given = ProcessInfo.processInfo.environment
        var environment = given
        var servers: PrivateServers?
        switch (Stores.isSet("DATABASE_URL", given), Stores.isSet("REDIS_URL", given)) {
        case (true, true):
            break
        case (false, false):
            let path = URL(fileURLWithPath: data).standardizedFileURL.path
            servers = try PrivateServers(data: path)
        default:
            throw CommandError(
                .usage, "set both DATABASE_URL and REDIS_URL to use your own servers, or neither for private ones")
        }
        try Self.findProgram(command[0], given)
        // From here on a signal ends the command first, then the servers; never this process at once.
        let signals = ForwardedSignals.install()
        if let servers {
            try servers.start()
            environment.merge(servers.environment) { $1 }
        }
        defer { servers?.stop() }
        try migrate(environment)
        if servers == nil { try examine(environment) }

        // Together the workers use every CPU once: one generation a core is faster than two that share all cores.
        let threads = max(1, ModelFolder.defaultThreads / max(1, workers))
        let workerProcesses = try (0..<workers).map { _ in
            try ChildProcess(
                ["setpriv", "--pdeathsig", "KILL", Self.ownPath(), "worker", "--threads", "\(threads)"],
                environment: environment, ownGroup: true, keeping: servers?.lock)
        }
        defer { Self.stop(workerProcesses) }
        let child = try ChildProcess(
            [Self.ownPath(), "keep", "--parent", "\(getpid())", "--"] + command, environment: environment,
            ownGroup: false)
        let ending = Self.wait(for: child, servers: servers, signals: signals)
        if ending.shellCode != 0 { throw ExitCode(ending.shellCode) }
    }

    private func migrate(_ environment: [String: String]) throws {
        let migration = try ChildProcess(
            [Self.ownPath(), "migrate", "--quiet"], environment: environment, ownGroup: false)
        guard let ending = migration.wait(seconds: 600), ending == .exited(0) else {
            throw CommandError(.storeUnreachable, "the database could not be brought up to date")
        }
    }

    /// Says what is wrong with servers that were given, or a risk.
    private func examine(_ environment: [String: String]) throws {
        let doctor = try ChildProcess([Self.ownPath(), "doctor", "--quiet"], environment: environment, ownGroup: false)
        guard let ending = doctor.wait(seconds: 60), ending == .exited(0) else {
            throw CommandError(.storeUnreachable, "the servers given cannot be used")
        }
    }

    private static func wait(
        for child: ChildProcess, servers: PrivateServers?, signals: ForwardedSignals
    ) -> ChildProcess.Ending {
        var hasComplained = false
        while true {
            if let ending = child.wait(seconds: 0.2) { return ending }
            signals.forward(to: child)
            if !hasComplained, let name = servers?.nameOfEndedServer() {
                Talk.note("\(name) ended by itself")
                hasComplained = true
            }
        }
    }

    private static func stop(_ workers: [ChildProcess]) {
        for worker in workers { worker.signal(SIGTERM) }
        for worker in workers where worker.wait(seconds: 60) == nil {
            Talk.note("a worker did not stop within 60 s; killing it")
            worker.signal(SIGKILL)
            _ = worker.wait(seconds: 5)
        }
    }

    /// - Throws: ``CommandError`` when there is no such program.
    private static func findProgram(_ name: String, _ environment: [String: String]) throws {
        let path = name.contains("/") ? "" : environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        let places = path.isEmpty ? [name] : path.split(separator: ":").map { "\($0)/\(name)" }
        guard places.contains(where: { access($0, X_OK) == 0 }) else {
            let reason = path.isEmpty ? String(cString: strerror(errno)) : "there is no such program on PATH"
            throw CommandError(.failure, "cannot start \(name): \(reason)")
        }
    }

    private static func ownPath() -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "packshot"
    }
}

/// Signals that are remembered instead of ending the process.
struct ForwardedSignals {
    nonisolated(unsafe) private static var received: sig_atomic_t = 0

    /// Installs the handlers for SIGINT, SIGTERM and SIGHUP.
    ///
    /// Unblocks them, too: whoever started this process may have had them blocked, and a child inherits that.
    static func install() -> ForwardedSignals {
        var awaited = sigset_t()
        sigemptyset(&awaited)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // A plain store to a sig_atomic_t is what a signal handler may do.
            signal(number) { ForwardedSignals.received = $0 }
            sigaddset(&awaited, number)
        }
        pthread_sigmask(SIG_UNBLOCK, &awaited, nil)
        return ForwardedSignals()
    }

    /// Passes on what came. A terminal's Ctrl-C has reached the child already: it is in our process group.
    func forward(to child: ChildProcess) {
        guard let signal = take(), signal != SIGINT || isatty(STDIN_FILENO) == 0 else { return }
        child.signal(signal)
    }

    /// The last signal since the call before, if there was one.
    private func take() -> Int32? {
        let number = Self.received
        guard number != 0 else { return nil }
        Self.received = 0
        return number
    }
}
