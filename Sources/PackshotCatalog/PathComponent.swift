internal import Digests
internal import Foundation

/// Turns any text into the name of one file or folder.
package enum PathComponent {
    /// Largest name in bytes of UTF-8.
    package static let maxBytes = 100

    /// A name that is safe on every common file system, whatever the text.
    ///
    /// It is never empty, `.` or `..`, has no separators, no control or invisible formatting characters and none of
    /// `: * ? " < > |`, does not begin with a dot or a space or end with one, is no device name of Windows (`CON`,
    /// `nul.txt`), and has at most 100 bytes. Texts that are such names already, in Unicode NFC, stay as they are. All
    /// others are mended and get `~` and twelve digits of the SHA-256 of the text, so that two different texts do not
    /// become one name; texts that look like a mended name count as to be mended. Letter case is kept and distinguishes.
    package static func sanitise(_ text: String) -> String {
        if isPlain(text) { return text }
        let text = text.precomposedStringWithCanonicalMapping
        if isSafe(text) { return text }
        let suffix = "~" + SHA256Digest.hash(text.utf8).prefix(6).hexadecimal
        var kept = String.UnicodeScalarView()
        var room = maxBytes - suffix.utf8.count - 1
        for scalar in text.unicodeScalars {
            let safe = isAllowed(scalar) ? scalar : "-"
            if kept.isEmpty, isDotOrSpace(safe) { continue }
            room -= UTF8.width(safe)
            guard room >= 0 else { break }
            kept.append(safe)
        }
        // `con.txt~…` would still be a device.
        let mended = kept.isEmpty || isDeviceName(String(kept)) ? "_\(kept)" : String(kept)
        return mended + suffix
    }

    /// The common case, quickly: letters, digits, `-` and `_` of ASCII, not too long, no device name.
    private static func isPlain(_ text: String) -> Bool {
        (1...60).contains(text.utf8.count) && !isDeviceName(text)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 95
            }
    }

    private static func isSafe(_ text: String) -> Bool {
        // By scalars, not characters: a dot with a combining mark is one character, and still begins with a dot.
        guard text.utf8.count <= maxBytes, let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            !isDotOrSpace(first), !isDotOrSpace(last)
        else { return false }
        return text.unicodeScalars.allSatisfy(isAllowed) && !isDeviceName(text) && !looksMended(text)
    }

    private static func isDotOrSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "." || scalar.properties.isWhitespace
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
        default: !"/\\:*?\"<>|".unicodeScalars.contains(scalar)
        }
    }

    /// Names Windows keeps for devices, with any extension.
    private static func isDeviceName(_ text: String) -> Bool {
        guard let first = text.utf8.first.map({ $0 & 0xDF }), "CPANL".utf8.contains(first) else { return false }
        let stem = String(text.unicodeScalars.prefix { $0 != "." }).trimmingCharacters(in: .whitespaces).uppercased()
        if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(stem) { return true }
        let port = stem.dropFirst(3)
        return (stem.hasPrefix("COM") || stem.hasPrefix("LPT")) && port.count == 1
            && port.allSatisfy { "0123456789¹²³".contains($0) }
    }

    private static func looksMended(_ text: String) -> Bool {
        let tail = text.utf8.suffix(13)
        return tail.count == 13 && tail.first == 0x7E
            && tail.dropFirst().allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
