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
        StandardStreams.prepare()
        do {
            if let problem = KernelClass.problem ?? StandardErrorLog.problem {
                throw CommandError(.invalidInput, problem)
            }
            var command = try parse(Array(CommandLine.arguments.dropFirst()))
            if command is WorkerCommand { WorkerHeap.keepTogether() }
            if let asynchronous = command as? any AsyncParsableCommand {
                run(asynchronous)
            }
            try command.run()
            finish(ExitStatus.ok.rawValue)
        } catch {
            end(with: error)
        }
    }

    private static func parse(_ given: [String]) throws -> any ParsableCommand {
        let arguments = CommandArguments.joined(given)
        if let problem = CommandArguments.emptyValue(in: arguments) { throw CommandError(.usage, problem) }
        do {
            return try Packshot.parseAsRoot(arguments)
        } catch {
            // The parser may name something else that is missing; the slip is why.
            if !Packshot.exitCode(for: error).isSuccess, let slip = CommandVocabulary.current?.slip(in: arguments) {
                throw CommandError(.usage, slip)
            }
            throw error
        }
    }

    private static func run(_ command: any AsyncParsableCommand) -> Never {
        // The command is used by this task alone.
        nonisolated(unsafe) var command = command
        Task {
            do {
                try await command.run()
                finish(ExitStatus.ok.rawValue)
            } catch {
                end(with: error)
            }
        }
        dispatchMain()
    }

    private static func end(with error: any Error) -> Never {
        if let failure = CommandError(error) {
            Talk.note("packshot: \(failure.message)")
            finish(failure.status.rawValue)
        }
        // What is left is the parser's: help and versions, wrong usage, and bare exit codes.
        let code = Packshot.exitCode(for: error)
        let message = Packshot.fullMessage(for: error)
        if message.isEmpty {
            // A command that ended another's way has nothing to add.
        } else if code.isSuccess {
            Talk.result(message)
        } else {
            let text = message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message
            Talk.note("packshot: \(text)")
        }
        // ArgumentParser reports wrong usage as 64 (sysexits); ours is 2.
        finish(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
    }

    /// Ends the process. A command whose result nobody got has failed.
    private static func finish(_ status: Int32) -> Never {
        guard let loss = Talk.lostResult else { exit(status) }
        Talk.note("packshot: the result could not be written: \(loss)")
        exit(status == ExitStatus.ok.rawValue ? ExitStatus.failure.rawValue : status)
    }
}
