/// Qwen2's way: NFC, the pattern of ``Qwen2PreTokenizer``, then byte pair encoding over the bytes of each word.
struct Qwen2Words: TokenizerWords {
    private let byteIDs: [Int32]
    private let encoder: BytePairEncoder

    init(vocabulary: TokenTable, encoder: BytePairEncoder) {
        byteIDs = ByteAlphabet.characters.map { vocabulary[String($0)] ?? -1 }
        self.encoder = encoder
    }

    func normalize(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        CanonicalComposition.compose(text)
    }

    /// A token has a byte at least; composition writes some characters in three times their bytes.
    var mostTokensPerByte: (ascii: Int, other: Int) { (1, 3) }

    func encode(_ normal: [Unicode.Scalar]) -> [Int32] {
        var ids: [Int32] = []
        for word in Qwen2PreTokenizer.words(normal) {
            var bytes: [Int32] = []
            for scalar in normal[word] {
                for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { bytes.append(byteIDs[Int(byte)]) }
            }
            // A byte the vocabulary does not have is dropped, as upstream does without an unknown token.
            ids += encoder.encode(bytes.contains(-1) ? bytes.filter { $0 >= 0 } : bytes)
        }
        return ids
    }
}

/// GPT-2's printable characters for the 256 bytes (openai/gpt-2 `encoder.py`, `bytes_to_unicode`).
enum ByteAlphabet {
    /// The character of each byte.
    static let characters: [Character] = {
        var result = [Character](repeating: " ", count: 256)
        var spare: UInt32 = 256
        for byte in UInt32(0)..<256 {
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            let value = isPrintable ? byte : spare
            if !isPrintable { spare += 1 }
            // All values lie below the surrogates.
            if let scalar = Unicode.Scalar(value) { result[Int(byte)] = Character(scalar) }
        }
        return result
    }()
}
