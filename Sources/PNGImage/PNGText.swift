/// A text chunk of a PNG file: a keyword and a text.
public struct PNGText: Hashable, Sendable {
    /// 1 to 79 printable Latin-1 characters; no space at either end and no two in a row.
    public var keyword: String
    /// Any text without U+0000.
    public var text: String
    /// True for an iTXt chunk (UTF-8), false for a tEXt chunk (Latin-1).
    public var isInternational: Bool

    /// A text in the chunk type most readers know: tEXt when the text is ASCII, else iTXt.
    public init(keyword: String, text: String) {
        self.init(keyword: keyword, text: text, isInternational: !text.utf8.allSatisfy { $0 < 128 })
    }

    /// A text in a chunk type of the caller's choice.
    public init(keyword: String, text: String, isInternational: Bool) {
        self.keyword = keyword
        self.text = text
        self.isInternational = isInternational
    }

    /// The keyword's bytes, checked against the rules of PNG (third edition, 11.3.3.1).
    func keywordBytes() throws(PNGError) -> [UInt8] {
        let bytes = keyword.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        let isPrintable = bytes.allSatisfy { (32...126).contains($0) || $0 >= 161 }
        guard bytes.count == keyword.unicodeScalars.count, isPrintable, (1...79).contains(bytes.count),
            bytes.first != 32, bytes.last != 32, !keyword.contains("  ")
        else {
            throw PNGError(
                .invalidText,
                "the PNG keyword \"\(keyword)\" is not 1 to 79 printable Latin-1 characters without stray spaces")
        }
        return bytes
    }

    /// The text's bytes as the chunk holds them.
    func textBytes() throws(PNGError) -> [UInt8] {
        let bytes: [UInt8]
        if isInternational {
            bytes = Array(text.utf8)
        } else {
            bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
            guard bytes.count == text.unicodeScalars.count else {
                throw PNGError(
                    .invalidText,
                    "the text of \"\(keyword)\" has characters outside Latin-1: write it as international text")
            }
        }
        guard !bytes.contains(0) else {
            throw PNGError(.invalidText, "the text of \"\(keyword)\" contains U+0000, which a PNG text cannot hold")
        }
        return bytes
    }
}
