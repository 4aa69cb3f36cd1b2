internal import Foundation

/// A tokenizer as `tokenizer.json` and `tokenizer_config.json` describe it: text to token ids.
///
/// Port of the two kinds PRX's checkpoints have, as Hugging Face's `tokenizers` runs them: Qwen2's byte-level BPE
/// (``Qwen2Words``) and Gemma's BPE with byte fallback (``GemmaWords``). Works on Unicode scalars, never on grapheme clusters.
public struct Tokenizer: Sendable {
    private let rawTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    private let words: any TokenizerWords
    private let prefix: [Int32]
    private let suffix: [Int32]
    private let padToken: Int32
    private let padsLeft: Bool

    /// Reads a `tokenizer/` folder.
    /// - Throws: ``PromptTextError`` `.badCheckpoint` or `.unsupported`, naming the file and the key.
    public init(folder: String) throws(PromptTextError) {
        let file = try TokenizerFile(folder: folder)
        let encoder = BytePairEncoder(merges: file.merges)
        let words: any TokenizerWords =
            switch try file.kind() {
            case .qwen2: Qwen2Words(vocabulary: file.vocabulary, encoder: encoder)
            case .gemma: try GemmaWords(vocabulary: file.vocabulary, unknown: file.unknownToken(), encoder: encoder)
            }
        self.words = words
        rawTokens = AddedTokens(
            file.addedTokens.filter { !$0.isNormalized }.map { (Array($0.content.unicodeScalars), $0.id) })
        normalizedTokens = AddedTokens(
            file.addedTokens.filter(\.isNormalized).map { (words.normalize(Array($0.content.unicodeScalars)), $0.id) })
        (prefix, suffix) = try file.template()
        padToken = try file.padToken()
        padsLeft = try file.padsLeft()
    }

    /// The ids of a text.
    /// - Parameter maxLength: Tokens to keep at most, the template's special ones included; also the padded length.
    public func encode(_ text: String, maxLength: Int) -> TokenizedText {
        var ids: [Int32] = []
        for piece in rawTokens.split(Array(text.unicodeScalars)) {
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let scalars):
                for piece in normalizedTokens.split(words.normalize(scalars)) {
                    switch piece {
                    case .token(let id): ids.append(id)
                    case .text(let scalars): ids += words.encode(scalars)
                    }
                }
            }
        }
        let special = prefix.count + suffix.count
        let kept = prefix + ids.prefix(max(0, maxLength - special)) + suffix
        return TokenizedText(
            tokens: kept, padOffset: padsLeft ? max(0, maxLength - kept.count) : 0,
            tokenCountBeforeTruncation: ids.count + special, padToken: padToken,
            paddedLength: max(maxLength, kept.count))
    }

    /// An upper bound of the tokens of any text of so many bytes, special ones included.
    func mostTokens(bytes: Int, isASCII: Bool) -> Int {
        bytes * (isASCII ? words.mostTokensPerByte.ascii : words.mostTokensPerByte.other) + prefix.count + suffix.count
    }
}

/// What a tokenizer does to a stretch of text between added tokens.
protocol TokenizerWords: Sendable {
    /// Tokens that a byte of a text can come to at most: of one in ASCII alone, and of any other.
    var mostTokensPerByte: (ascii: Int, other: Int) { get }
    /// The form in which text is encoded.
    func normalize(_ text: [Unicode.Scalar]) -> [Unicode.Scalar]
    /// Ids of a stretch of normalised text.
    func encode(_ text: [Unicode.Scalar]) -> [Int32]
}

/// Tokens that are found in a text as they are, before it is cut into words.
struct AddedTokens: Sendable {
    /// A stretch of text, or one of the tokens.
    enum Piece {
        case token(Int32)
        case text([Unicode.Scalar])
    }

    private let byFirst: [Unicode.Scalar: [(scalars: [Unicode.Scalar], id: Int32)]]

    init(_ tokens: [(scalars: [Unicode.Scalar], id: Int32)]) {
        var byFirst: [Unicode.Scalar: [(scalars: [Unicode.Scalar], id: Int32)]] = [:]
        for token in tokens {
            if let first = token.scalars.first { byFirst[first, default: []].append(token) }
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
