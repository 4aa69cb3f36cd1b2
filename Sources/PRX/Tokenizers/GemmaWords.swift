/// Gemma's way: spaces become U+2581, and the whole text is one word for byte pair encoding. A character that is not in the
/// vocabulary becomes its UTF-8 bytes, one `<0xNN>` token each, or the unknown token where a byte has none.
struct GemmaWords: TokenizerWords {
    private let characterIDs: [Unicode.Scalar: Int32]
    private let byteIDs: [Int32]
    private let unknown: Int32
    private let encoder: BytePairEncoder

    init(vocabulary: [String: Int32], unknown: Int32, encoder: BytePairEncoder) {
        var characters: [Unicode.Scalar: Int32] = [:]
        for (word, id) in vocabulary {
            var scalars = word.unicodeScalars.makeIterator()
            if let first = scalars.next(), scalars.next() == nil { characters[first] = id }
        }
        characterIDs = characters
        let digits = Array("0123456789ABCDEF")
        byteIDs = (0..<256).map { vocabulary["<0x\(digits[$0 >> 4])\(digits[$0 & 15])>"] ?? -1 }
        self.unknown = unknown
        self.encoder = encoder
    }

    func encode(_ text: [Unicode.Scalar]) -> [Int32] {
        var symbols: [Int32] = []
        symbols.reserveCapacity(text.count)
        for scalar in text {
            if let id = characterIDs[scalar == " " ? "\u{2581}" : scalar] {
                symbols.append(id)
                continue
            }
            let bytes = (UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter).map { byteIDs[Int($0)] }
            // Unknown characters that follow each other are one unknown token.
            if !bytes.contains(-1) { symbols += bytes } else if symbols.last != unknown { symbols.append(unknown) }
        }
        return encoder.encode(symbols)
    }
}
