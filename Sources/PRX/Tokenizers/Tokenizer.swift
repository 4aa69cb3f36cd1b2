internal import Foundation

/// A tokenizer as `tokenizer.json` and `tokenizer_config.json` describe it: text to token ids.
///
/// Port of Qwen2's byte-level BPE as Hugging Face's `tokenizers` runs it. Works on Unicode scalars, never on grapheme
/// clusters.
public struct Tokenizer: Sendable {
    private let addedTokens: AddedTokens
    private let byteIDs: [Int32]
    private let encoder: BytePairEncoder
    private let prefix: [Int32]
    private let suffix: [Int32]
    private let padToken: Int32
    private let padsLeft: Bool

    /// Reads a `tokenizer/` folder.
    /// - Throws: ``PRXError`` `.badCheckpoint` or `.unsupported`, naming the file and the key.
    public init(folder: String) throws(PRXError) {
        let file = try TokenizerFile(folder: folder)
        addedTokens = file.addedTokens
        encoder = BytePairEncoder(merges: try file.merges())
        byteIDs = ByteAlphabet.characters.map { file.vocabulary[String($0)] ?? -1 }
        (prefix, suffix) = try file.template()
        padToken = try file.padToken()
        padsLeft = try file.padsLeft()
    }

    /// The ids of a text.
    /// - Parameter maxLength: Tokens to keep at most, the template's special ones included; also the padded length.
    public func encode(_ text: String, maxLength: Int) -> TokenizedText {
        var ids: [Int32] = []
        for piece in addedTokens.split(Array(text.unicodeScalars)) {
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let scalars): ids += encodeText(scalars)
            }
        }
        let special = prefix.count + suffix.count
        let kept = prefix + ids.prefix(max(0, maxLength - special)) + suffix
        return TokenizedText(
            tokens: kept, padOffset: padsLeft ? max(0, maxLength - kept.count) : 0,
            tokenCountBeforeTruncation: ids.count + special, padToken: padToken,
            paddedLength: max(maxLength, kept.count))
    }

    private func encodeText(_ scalars: [Unicode.Scalar]) -> [Int32] {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        let normal = Array(String(view).precomposedStringWithCanonicalMapping.unicodeScalars)
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

/// Tokens that are found in the raw text before anything else happens to it.
struct AddedTokens: Sendable {
    /// A stretch of text, or one of the tokens.
    enum Piece {
        case token(Int32)
        case text([Unicode.Scalar])
    }

    private let byFirst: [Unicode.Scalar: [(scalars: [Unicode.Scalar], id: Int32)]]

    init(_ tokens: [(content: String, id: Int32)]) {
        var byFirst: [Unicode.Scalar: [(scalars: [Unicode.Scalar], id: Int32)]] = [:]
        for token in tokens {
            let scalars = Array(token.content.unicodeScalars)
            if let first = scalars.first { byFirst[first, default: []].append((scalars, token.id)) }
        }
        // Of several that match at a place, the longest wins.
        self.byFirst = byFirst.mapValues { $0.sorted { $0.scalars.count > $1.scalars.count } }
    }

    /// Cuts a text at the tokens, leftmost first.
    func split(_ text: [Unicode.Scalar]) -> [Piece] {
        var pieces: [Piece] = []
        var start = 0
        var position = 0
        while position < text.count {
            if let match = byFirst[text[position]]?.first(where: { text[position...].starts(with: $0.scalars) }) {
                if start < position { pieces.append(.text(Array(text[start..<position]))) }
                pieces.append(.token(match.id))
                position += match.scalars.count
                start = position
            } else {
                position += 1
            }
        }
        if start < text.count { pieces.append(.text(Array(text[start...]))) }
        return pieces
    }
}
