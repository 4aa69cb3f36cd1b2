package import ArgumentParser
internal import CProcess
internal import Foundation
internal import Glibc

/// `packshot keep`, which only `packshot up` calls: stands between `up` and its command, so that nothing the command started
/// outlives an `up` that was killed.
///
/// The command may start programs that start programs. Whatever loses its parent becomes this process's child; when `up` is gone
/// without having ended the command, all of them are killed: left alone they would work on with the next `up` of the folder.
package struct KeepCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "keep", abstract: "Run a command for packshot up.", shouldDisplay: false)

    @Option(help: "Process that is waited for.")
    package var parent: Int32

    @Argument(parsing: .postTerminator, help: "The command to run.")
    package var command: [String] = []

    package init() {}

    package func run() throws {
        guard packshot_adopt_orphans() == 0 else {
            throw CommandError(.failure, "cannot keep processes together: \(String(cString: strerror(errno)))")
        }
        let signals = ForwardedSignals.install()
        let child = try ChildProcess(
            ["setpriv", "--pdeathsig", "KILL"] + command, environment: ProcessInfo.processInfo.environment,
            ownGroup: false)
        while true {
            if let ending = child.wait(seconds: 0.1) { throw ExitCode(ending.shellCode) }
            signals.forward(to: child)
            if getppid() != parent {
                ProcessTree.killDescendants()
                throw ExitCode(128 + SIGKILL)
            }
        }
    }
}

/// Processes and their children, as `/proc` lists them.
enum ProcessTree {
    /// Kills everything below this process, for at most ten seconds.
    static func killDescendants() {
        let deadline = ContinuousClock().now + .seconds(10)
        while ContinuousClock().now < deadline {
            let processes = descendants(of: getpid())
            if processes.isEmpty { return }
            for process in processes { kill(process, SIGKILL) }
            while waitpid(-1, nil, WNOHANG) > 0 {}
            usleep(10_000)
        }
    }

    private static func descendants(of root: pid_t) -> [pid_t] {
        var children: [pid_t: [pid_t]] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            // After the program's name, which may hold anything, in parentheses: state and parent.
            guard let process = pid_t(name), let line = FileManager.default.contents(atPath: "/proc/\(name)/stat"),
                let end = line.lastIndex(of: UInt8(ascii: ")")),
                let parent = String(decoding: line[(end + 1)...], as: UTF8.self).split(separator: " ").dropFirst().first
            else { continue }
            children[pid_t(parent) ?? 0, default: []].append(process)
        }
        var found: [pid_t] = []
        var next = children[root] ?? []
        while let process = next.popLast() {
            found.append(process)
            next += children[process] ?? []
        }
        return found
    }
}
