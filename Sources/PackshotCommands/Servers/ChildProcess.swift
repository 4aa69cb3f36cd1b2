internal import Glibc

/// A child process started with `posix_spawn`, from and for the main thread.
///
/// Foundation's `Process` can neither put a child into a process group of its own (a Ctrl-C at the terminal must not stop
/// the private servers while the command they serve is still running) nor start it from a thread that lives as long as
/// the process (which `setpriv --pdeathsig` needs).
struct ChildProcess {
    /// What could not be started, and why.
    struct SpawnError: Error, CustomStringConvertible {
        let program: String
        let reason: String
        var description: String { "cannot start \(program): \(reason)" }
    }

    /// How a child ended.
    enum Ending: Equatable {
        case exited(Int32)
        case signalled(Int32)

        /// The exit code a shell would report.
        var shellCode: Int32 {
            switch self {
            case .exited(let code): code
            case .signalled(let signal): 128 + signal
            }
        }
    }

    let processID: pid_t

    /// Starts a program, found through PATH.
    /// - Parameters:
    ///   - environment: The whole environment, `NAME=value`.
    ///   - ownGroup: Detaches it from the terminal's Ctrl-C.
    ///   - outputPath: A file its output and errors are appended to; nil leaves them where ours go.
    ///   - keeping: A file that stays open in it, with whatever lock it holds.
    init(
        _ arguments: [String], environment: [String: String], ownGroup: Bool, outputPath: String? = nil,
        keeping file: Int32? = nil
    ) throws {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigemptyset(&all)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ] { sigaddset(&all, signal) }
        posix_spawnattr_setsigdefault(&attributes, &all)
        if ownGroup {
            flags |= POSIX_SPAWN_SETPGROUP
            posix_spawnattr_setpgroup(&attributes, 0)
        }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let outputPath {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }

        // A descriptor set to itself is no longer closed when the program starts (glibc 2.29, POSIX of 2024).
        if let file { posix_spawn_file_actions_adddup2(&actions, file, file) }

        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let error = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
        guard error == 0 else { throw SpawnError(program: arguments[0], reason: String(cString: strerror(error))) }
        processID = child
    }

    /// Sends a signal; a child that is gone is no error.
    func signal(_ number: Int32) {
        kill(processID, number)
    }

    /// How it ended, or nil while it runs.
    func poll() -> Ending? {
        var status: Int32 = 0
        let result = waitpid(processID, &status, WNOHANG)
        if result == 0 || (result < 0 && errno == EINTR) { return nil }
        guard result == processID else { return .exited(0) }
        return Self.ending(status)
    }

    /// Waits for the end, for at most `seconds`.
    func wait(seconds: Double) -> Ending? {
        let deadline = ContinuousClock().now + .seconds(seconds)
        while true {
            if let ending = poll() { return ending }
            if ContinuousClock().now >= deadline { return nil }
            usleep(5_000)
        }
    }

    private static func ending(_ status: Int32) -> Ending {
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    }
}
