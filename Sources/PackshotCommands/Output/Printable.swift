/// Text that comes from catalogs, paths and servers, made fit for a terminal.
///
/// What steers a terminal or reorders a line (control characters, escape sequences, direction overrides, invisible marks) is
/// shown as its code point, `\u{1b}`, so that no title or path can forge what a person reads.
package enum Printable {
    /// Text of several lines: line feeds and tabs stay.
    package static func text(_ text: String) -> String {
        escaped(text) { $0 == "\n" || $0 == "\t" }
    }

    /// Text that stays on one line.
    package static func line(_ text: String) -> String {
        escaped(text) { _ in false }
    }

    /// A JSON document: the same text to a program that reads it, and harmless to a terminal.
    package static func json(_ document: String) -> String {
        guard document.utf8.contains(where: { $0 >= 0x7F }) else { return document }
        var result = ""
        for scalar in document.unicodeScalars {
            if isHarmless(scalar) || scalar == "\n" || scalar == "\t" {
                result.unicodeScalars.append(scalar)
            } else {
                for unit in UTF16.encode(scalar) ?? .init() {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return result
    }

    private static func escaped(_ text: String, keeping keeps: (Unicode.Scalar) -> Bool) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isHarmless(scalar) || keeps(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E: true
        case 0...0x9F: false
        // Direction marks, embeddings, overrides and isolates; line and paragraph separators.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: false
        // Invisible: soft hyphen, zero width space, word joiner and what follows it, byte order mark, tags.
        // The joiners U+200C and U+200D belong to the spelling of words and emoji.
        case 0x00AD, 0x200B, 0x2060...0x2065, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F: false
        default: true
        }
    }
}
