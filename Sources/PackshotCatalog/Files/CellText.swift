/// What becomes of a cell's bytes.
///
/// Spaces and control characters at both ends are dropped. Inside, line breaks become one line feed, tabs stay, and other
/// control characters (U+0000 to U+001F, U+007F to U+009F) are dropped: PostgreSQL stores no U+0000, and no prompt,
/// path or log is better for the others.
enum CellText {
    /// The text of a cell.
    /// - Returns: nil when the bytes are not UTF-8.
    static func clean(_ bytes: UnsafeRawBufferPointer) -> String? {
        var start = bytes.startIndex
        var end = bytes.endIndex
        while start < end, isSpaceOrControl(bytes[start]) { start += 1 }
        while end > start, isSpaceOrControl(bytes[end - 1]) { end -= 1 }
        guard start < end else { return "" }
        let trimmed = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        var isASCII = true
        var isPlain = true
        for byte in trimmed {
            isASCII = isASCII && byte < 0x80
            isPlain = isPlain && byte >= 0x20 && byte != 0x7F && byte != 0xC2
        }
        if isASCII {
            let text = String(decoding: trimmed, as: UTF8.self)
            return isPlain ? text : cleanSlowly(text)
        }
        guard let text = String(validating: trimmed, as: UTF8.self) else { return nil }
        // 0xC2 begins the C1 controls; the many spaces of Unicode matter at the ends only.
        return isPlain && trimmed.first ?? 0 < 0x80 && trimmed.last ?? 0 < 0x80 ? text : cleanSlowly(text)
    }

    /// True when the bytes hold a control character, other than spaces and line breaks at the ends.
    static func holdsControl(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var kept = bytes[...]
        while let first = kept.first, [0x20, 0x09, 0x0A, 0x0D].contains(first) { kept = kept.dropFirst() }
        while let last = kept.last, [0x20, 0x09, 0x0A, 0x0D].contains(last) { kept = kept.dropLast() }
        if kept.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return true }
        return zip(kept, kept.dropFirst()).contains { $0 == 0xC2 && (0x80...0x9F).contains($1) }
    }

    private static func isSpaceOrControl(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x7F
    }

    private static func cleanSlowly(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var followsReturn = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where followsReturn: break
            case "\n", "\r": kept.append("\n")
            case "\t": kept.append(scalar)
            case _ where scalar.properties.generalCategory == .control: break
            default: kept.append(scalar)
            }
            followsReturn = scalar == "\r"
        }
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace || scalar == "\u{FEFF}" }
        let trimmed = kept.drop(while: isSpace)
        let end = trimmed.lastIndex { !isSpace($0) }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
        return String(trimmed[..<end])
    }
}
