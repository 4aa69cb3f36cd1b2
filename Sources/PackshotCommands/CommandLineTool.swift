internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import PackshotJobs
internal import Tensors

/// Runs the command that the arguments name, and ends the process with its exit code.
package enum CommandLineTool {
    /// Synchronous commands run on the main thread, which lives as long as the process; asynchronous ones on the
    /// cooperative pool.
    package static func main() -> Never {
        do {
            if let problem = KernelClass.problem { throw CommandError(.invalidInput, problem) }
            var command = try Packshot.parseAsRoot()
            if command is WorkerCommand { WorkerHeap.keepTogether() }
            if let asynchronous = command as? any AsyncParsableCommand {
                run(asynchronous)
            }
            try command.run()
            exit(ExitStatus.ok.rawValue)
        } catch {
            end(with: error)
        }
    }

    private static func run(_ command: any AsyncParsableCommand) -> Never {
        // The command is used by this task alone.
        nonisolated(unsafe) var command = command
        Task {
            do {
                try await command.run()
                exit(ExitStatus.ok.rawValue)
            } catch {
                end(with: error)
            }
        }
        dispatchMain()
    }

    private static func end(with error: any Error) -> Never {
        switch error {
        case let error as CommandError:
            Talk.note("packshot: \(error.message)")
            exit(error.status.rawValue)
        case let error as StoreError:
            Talk.note("packshot: \(error.message)")
            exit(error.exitStatus.rawValue)
        default:
            let code = Packshot.exitCode(for: error)
            // ArgumentParser reports wrong usage as 64 (sysexits); ours is 2.
            let message = Packshot.fullMessage(for: error)
            if code.isSuccess { Talk.result(message) } else if !message.isEmpty { Talk.note(message) }
            exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
        }
    }
}
