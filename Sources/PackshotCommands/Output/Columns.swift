internal import Foundation

/// Names and values in two columns, a row a line.
package enum Columns {
    package static func text(_ rows: [(name: String, value: String)]) -> String {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map {
            $0.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + Printable.line($0.value)
        }.joined(separator: "\n")
    }
}
