/// Character references of HTML, read as Python's `html.unescape` reads them.
///
/// Source: the documented behaviour of Python's `html.unescape`, which follows section 13.2.5.72 of the HTML standard, except
/// that a reference to a control character or a noncharacter becomes nothing.
enum HTMLUnescape {
    /// The text with every reference replaced, one pass: what a reference yields is not read again.
    ///
    /// A name without `;` counts when it is one of the old names, or begins with one (`&notit` is `¬it`). What is no
    /// reference stays as it is. Linear in the text.
    static func unescape(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard var next = text.firstIndex(of: "&") else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        result.append(contentsOf: text[..<next])
        while next < text.count {
            if text[next] == "&", let end = reference(in: text, after: next + 1, into: &result) {
                next = end
            } else {
                result.append(text[next])
                next += 1
            }
        }
        return result
    }

    /// Reads what follows an `&`, appends what it stands for, and says where it ends; `nil` when it is no reference.
    private static func reference(
        in text: [Unicode.Scalar], after start: Int, into result: inout [Unicode.Scalar]
    ) -> Int? {
        guard start < text.count else { return nil }
        guard text[start] == "#" else { return named(in: text, from: start, into: &result) }
        let hexadecimal = start + 1 < text.count && (text[start + 1] == "x" || text[start + 1] == "X")
        let radix: UInt32 = hexadecimal ? 16 : 10
        let digits = hexadecimal ? start + 2 : start + 1
        var end = digits
        var number: UInt32 = 0
        while end < text.count, let digit = digitValue(text[end], radix: radix) {
            // Saturates above the last scalar: more digits change nothing.
            number = min(number * radix + digit, 0x11_0000)
            end += 1
        }
        guard end > digits else { return nil }
        if let scalar = scalar(numbered: number) { result.append(scalar) }
        return end < text.count && text[end] == ";" ? end + 1 : end
    }

    /// The value of an ASCII digit; `nil` for anything else.
    static func digitValue(_ scalar: Unicode.Scalar, radix: UInt32) -> UInt32? {
        switch scalar {
        case "0"..."9": scalar.value - 0x30
        case "a"..."f" where radix == 16: scalar.value - 0x57
        case "A"..."F" where radix == 16: scalar.value - 0x37
        default: nil
        }
    }

    /// What a numeric reference stands for; `nil` when that is nothing at all.
    static func scalar(numbered number: UInt32) -> Unicode.Scalar? {
        switch number {
        case 0: return "\u{FFFD}"
        case 0x80...0x9F: return LegacyEncoding.windows1252UpperControls[Int(number) - 0x80]
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: return nil
        case 0x0...0x10_FFFF where number & 0xFFFE == 0xFFFE: return nil
        default: return Unicode.Scalar(number) ?? "\u{FFFD}"
        }
    }

    /// Reads up to 32 characters of a name, appends what it stands for, and says where the reference ends.
    private static func named(
        in text: [Unicode.Scalar], from start: Int, into result: inout [Unicode.Scalar]
    ) -> Int? {
        var end = start
        var name = ""
        while end < text.count, end - start < 32, isNamePart(text[end]) {
            name.unicodeScalars.append(text[end])
            end += 1
        }
        guard end > start else { return nil }
        if end < text.count, text[end] == ";" {
            if let scalars = HTMLEntityTable.byName[name + ";"] {
                result.append(contentsOf: scalars)
                return end + 1
            }
        } else if let scalars = HTMLEntityTable.byName[name] {
            result.append(contentsOf: scalars)
            return end
        }
        var length = min(HTMLEntityTable.longestLegacyName, end - start)
        while length > 1 {
            if let scalars = HTMLEntityTable.byName[String(name.unicodeScalars.prefix(length))] {
                result.append(contentsOf: scalars)
                return start + length
            }
            length -= 1
        }
        // The whole run is passed over as one, as upstream does; it holds no "&".
        result.append("&")
        result.append(contentsOf: text[start..<end])
        return end
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\u{0C}", " ", "<", "&", "#", ";": false
        default: true
        }
    }
}
