/// The cleaning that keeps what a catalog means: sizes, product numbers, letters of every script and their case.
enum LightCleaning {
    /// HTML entities read once, NFC, control characters removed, each run of white space one space, none at the ends.
    ///
    /// Linear in the text.
    static func clean(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var pendingSpace = false
        for scalar in CanonicalComposition.compose(HTMLUnescape.unescape(text)) {
            if scalar.properties.isWhitespace {
                pendingSpace = !result.isEmpty
            } else if !isRemoved(scalar) {
                if pendingSpace { result.append(" ") }
                pendingSpace = false
                result.append(scalar)
            }
        }
        return result
    }

    /// Control characters and what cannot be seen: byte order mark, soft hyphen, zero-width space, direction marks,
    /// annotations, noncharacters. The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji need them.
    private static func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{AD}", "\u{FEFF}", "\u{FFF9}"..."\u{FFFC}": true
        case "\u{200B}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2060}"..."\u{206F}": true
        default: scalar.properties.isNoncharacterCodePoint
        }
    }
}
