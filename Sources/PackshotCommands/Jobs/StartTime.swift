internal import ArgumentParser
package import Foundation

/// A moment on the command line: ISO 8601 with a zone, or `+` and a duration from now.
package struct StartTime: Sendable {
    package let date: Date
}

extension StartTime: ExpressibleByArgument {
    package init?(argument: String) {
        if argument.hasPrefix("+") {
            guard let wait = DurationArgument(argument: String(argument.dropFirst())) else { return nil }
            date = Date(timeIntervalSinceNow: wait.value / .seconds(1))
        } else {
            guard let date = try? Date(argument, strategy: .iso8601) else { return nil }
            self.date = date
        }
    }
}
