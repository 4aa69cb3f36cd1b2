/// Gemma's way: spaces become U+2581, and the whole text is one word for byte pair encoding. A character that is not in the
/// vocabulary becomes its UTF-8 bytes, one `<0xNN>` token each, or the unknown token where a byte has none.
struct GemmaWords: TokenizerWords {
    private let characterIDs: [Unicode.Scalar: Int32]
    private let byteIDs: [Int32]
    private let unknown: (id: Int32, isFused: Bool)
    private let encoder: BytePairEncoder

    init(vocabulary: TokenTable, unknown: (id: Int32, isFused: Bool), encoder: BytePairEncoder) {
        characterIDs = vocabulary.singleScalars()
        let digits = Array("0123456789ABCDEF")
        byteIDs = (0..<256).map { vocabulary["<0x\(digits[$0 >> 4])\(digits[$0 & 15])>"] ?? -1 }
        self.unknown = unknown
        self.encoder = encoder
    }

    func normalize(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.map { $0 == " " ? "\u{2581}" : $0 }
    }

    /// A token has a byte at least; a space that is no word is written as the three bytes of U+2581.
    var mostTokensPerByte: (ascii: Int, other: Int) {
        let most = characterIDs["\u{2581}"] == nil ? 3 : 1
        return (most, most)
    }

    func encode(_ text: [Unicode.Scalar]) -> [Int32] {
        var symbols: [Int32] = []
        symbols.reserveCapacity(text.count)
        // Upstream holds an unknown token back until it meets a known character, and lets bytes pass it.
        var isUnknownHeld = false
        for scalar in text {
            if let id = characterIDs[scalar] {
                if isUnknownHeld { symbols.append(unknown.id) }
                isUnknownHeld = false
                symbols.append(id)
                continue
            }
            let bytes = (UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter).map { byteIDs[Int($0)] }
            if !bytes.contains(-1) {
                symbols += bytes
                continue
            }
            if isUnknownHeld, !unknown.isFused { symbols.append(unknown.id) }
            isUnknownHeld = true
        }
        if isUnknownHeld { symbols.append(unknown.id) }
        return encoder.encode(symbols)
    }
}
