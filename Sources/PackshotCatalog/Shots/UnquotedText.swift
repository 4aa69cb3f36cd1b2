internal import Foundation

/// Finds the text without quotes, or with quotes inside of its quotes, that a YAML parser has stumbled over.
enum UnquotedText {
    /// Signs that mean something to YAML at the beginning of a text.
    private static let signs: Set<Character> = ["{", "[", "]", "}", "%", "@", "`", "&", "*", "!", "|", ">"]

    /// The end of a message that names the line, or nil when no line looks like it.
    /// - Parameter line: Where the parser gave up, from 1; it may have passed the fault by then.
    static func hint(in text: String, before line: Int?) -> String? {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let last = min(lines.count, line ?? lines.count)
        for number in stride(from: last, through: max(1, last - 20), by: -1) {
            guard let value = value(of: lines[number - 1]), isHalfQuoted(value) else { continue }
            return
                "; line \(number): put the whole text between single quotes, such as '{{title}}, {{color|default:\"red\"}}'"
        }
        return nil
    }

    /// What follows `key:` or `-` in a line.
    private static func value(of line: Substring) -> String? {
        var rest = line.drop { $0 == " " || $0 == "-" }
        guard let colon = rest.firstIndex(of: ":"), rest[..<colon].allSatisfy({ $0.isLetter || $0 == "_" || $0 == "-" })
        else { return nil }
        rest = rest[rest.index(after: colon)...]
        let value = rest.trimmed
        return value.isEmpty ? nil : value
    }

    private static func isHalfQuoted(_ value: String) -> Bool {
        guard let first = value.first else { return false }
        if first == "\"" {
            // A quote that is closed before the end: {{color|default:"red"}} within double quotes.
            let inner = value.dropFirst().replacing("\\\"", with: "")
            return inner.firstIndex(of: "\"").map { inner.index(after: $0) != inner.endIndex } ?? true
        }
        if first == "'" {
            let inner = value.dropFirst().replacing("''", with: "")
            return inner.firstIndex(of: "'").map { inner.index(after: $0) != inner.endIndex } ?? true
        }
        return value.contains("{{") || value.contains(": ") || (signs.contains(first) && value.count > 1)
    }
}
