package import ArgumentParser
internal import PackshotJobs

/// The exit codes of every `packshot` command. They are part of the interface: scripts rely on them.
package enum ExitStatus: Int32, CaseIterable, Sendable {
    case ok = 0
    case failure = 1
    case usage = 2
    /// The command did its work, and some jobs were discarded or cancelled.
    case someJobsFailed = 3
    /// A catalog, shots file, model folder or setting that cannot be used.
    case invalidInput = 4
    /// Redis or PostgreSQL cannot be reached, or their schema does not fit.
    case storeUnreachable = 5
    case overBudget = 6
    case verificationFailed = 7
    case notFound = 8
    case interrupted = 130
    case terminated = 143

    /// As ArgumentParser takes it.
    package var code: ExitCode { ExitCode(rawValue) }
}

/// An error a command ends with: what to say, and the exit code.
package struct CommandError: Error, CustomStringConvertible {
    package let status: ExitStatus
    package let message: String

    package init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    package var description: String { message }
}

extension StoreError {
    /// The exit code a command ends with when a store failed.
    var exitStatus: ExitStatus {
        switch code {
        case .unreachable, .refused, .schema, .configuration: .storeUnreachable
        case .conflict: .invalidInput
        case .notFound: .notFound
        case .ambiguous: .usage
        case .unexpected: .failure
        }
    }
}
