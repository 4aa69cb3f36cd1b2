internal import ArgumentParser
package import Foundation

/// A moment on the command line: ISO 8601 with a zone, or `+` and a duration from now.
package enum StartTime: Sendable {
    case at(Date)
    /// Counted by the ledger's clock, which decides when the jobs are due: this machine's may be wrong.
    case after(Duration)

    /// The moment meant.
    /// - Parameter now: What the ledger's clock says; asked only where it matters.
    func date(now: () async throws -> Date) async rethrows -> Date {
        switch self {
        case .at(let date): date
        case .after(let wait): try await now().addingTimeInterval(wait / .seconds(1))
        }
    }
}

extension StartTime: ExpressibleByArgument {
    package init?(argument: String) {
        if argument.hasPrefix("+") {
            guard let wait = DurationArgument(argument: String(argument.dropFirst())) else { return nil }
            self = .after(wait.value)
        } else {
            guard let date = try? Date(argument, strategy: .iso8601) else { return nil }
            self = .at(date)
        }
    }
}
