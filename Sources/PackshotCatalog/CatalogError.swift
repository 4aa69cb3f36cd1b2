/// Why a catalog, a shots file or a plan cannot be used.
package struct CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble.
    package enum Code: String, Sendable {
        /// The file cannot be opened or read.
        case unreadable
        /// The file is not text in UTF-8 or marked UTF-16.
        case encoding
        /// The file is not well-formed CSV or TSV from some place on.
        case malformed
        /// The header is missing, or lacks or repeats a column.
        case header
        /// Rows cannot be used; ``CatalogError/problems`` lists them.
        case rows
        /// The shots file cannot be used; ``CatalogError/problems`` lists why.
        case shots
        /// The file is not the one that was checked before.
        case changed
    }

    /// One thing to fix.
    package struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// Row as a spreadsheet counts, the header being row 1; nil where rows do not apply.
        package let row: Int?
        /// Line of the file, from 1, where the row or key begins; differs from the row after cells with line breaks.
        package let line: Int?
        /// The column or key it is about.
        package let column: String?
        /// What is wrong, and what to do.
        package let message: String

        package init(row: Int? = nil, line: Int? = nil, column: String? = nil, message: String) {
            self.row = row
            self.line = line
            self.column = column
            self.message = message
        }

        /// Such as `row 5 (line 7), column sku: …`.
        package var description: String {
            var place: [String] = []
            if let row {
                place.append(line == nil || line == row ? "row \(row)" : "row \(row) (line \(line ?? row))")
            } else if let line {
                place.append("line \(line)")
            }
            if let column { place.append("column \(column)") }
            return place.isEmpty ? message : "\(place.joined(separator: ", ")): \(message)"
        }
    }

    /// What kind of trouble.
    package let code: Code
    /// The file, as the caller named it.
    package let file: String
    /// Everything found before giving up, in file order, at least one.
    package let problems: [Problem]
    /// True when there may be more: the list was cut off, or the rest of the file could not be read.
    package let isIncomplete: Bool

    package init(_ code: Code, file: String, problems: [Problem], isIncomplete: Bool = false) {
        self.code = code
        self.file = file
        self.problems = problems
        self.isIncomplete = isIncomplete
    }

    package init(_ code: Code, file: String, _ message: String) {
        self.init(code, file: file, problems: [Problem(message: message)])
    }

    /// The file and the problems: on one line if there is one, else one on each line.
    package var description: String {
        if problems.count == 1, !isIncomplete { return "\(file): \(problems[0])" }
        var lines = ["\(file): \(problems.count)\(isIncomplete ? " or more" : "") problems"]
        lines += problems.map { "  \($0)" }
        if isIncomplete { lines.append("  (stopped here; there may be more)") }
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// The text in quotes for a message: at most 60 characters, control characters made visible.
    var excerpt: String {
        let kept = prefix(60)
        var text = ""
        for scalar in kept.unicodeScalars {
            if scalar.properties.generalCategory == .control {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return kept.endIndex == endIndex ? "\"\(text)\"" : "\"\(text)…\""
    }
}
