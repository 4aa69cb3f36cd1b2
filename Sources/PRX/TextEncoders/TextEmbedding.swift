public import Tensors

/// What a text encoder made of a prompt: one vector for each real token, padding left out.
public struct TextEmbedding: Sendable {
    /// Tokens; 0 for a text without any, which the transformer takes as nothing to look at.
    public let count: Int
    /// Floats a token.
    public let width: Int
    /// `[count, width]`, row-major.
    public let values: FloatBuffer

    /// An embedding over `count * width` values.
    public init(count: Int, width: Int, values: FloatBuffer) {
        precondition(values.count == count * width, "an embedding of \(count) x \(width) has \(values.count) values")
        self.count = count
        self.width = width
        self.values = values
    }

    /// The values as little-endian IEEE 754 bytes, exactly.
    public var bytes: [UInt8] {
        Array(UnsafeRawBufferPointer(start: values.pointer, count: values.count * 4))
    }

    /// The embedding that ``bytes`` came from, bit for bit.
    /// - Returns: nil when the bytes are no whole number of tokens of `width` floats.
    public init?(bytes: [UInt8], width: Int) {
        guard width > 0, bytes.count % (4 * width) == 0 else { return nil }
        let buffer = FloatBuffer(count: bytes.count / 4)
        bytes.withUnsafeBytes { source in
            if let base = source.baseAddress {
                UnsafeMutableRawPointer(buffer.pointer).copyMemory(from: base, byteCount: bytes.count)
            }
        }
        self.init(count: bytes.count / (4 * width), width: width, values: buffer)
    }
}

/// A text encoder: token ids to a vector a token.
public protocol TextEncoder: Sendable {
    /// Floats a token.
    var width: Int { get }

    /// Ids there are; every id must be below.
    var vocabularySize: Int { get }

    /// Encodes the real tokens of one text.
    /// - Parameters:
    ///   - tokens: Ids in `0..<vocabularySize`.
    ///   - offset: Position of the first one: the number of padding tokens before it.
    func encode(tokens: [Int32], offset: Int, pool: ThreadPool) -> TextEmbedding

    /// Encodes several texts: the same bytes as one after the other, sooner where the weights are read once for all.
    func encode(_ texts: [TokenSequence], pool: ThreadPool) -> [TextEmbedding]
}

extension TextEncoder {
    /// One after the other.
    public func encode(_ texts: [TokenSequence], pool: ThreadPool) -> [TextEmbedding] {
        texts.map { encode(tokens: $0.tokens, offset: $0.offset, pool: pool) }
    }
}

/// The real tokens of a text, and where they begin.
public struct TokenSequence: Sendable {
    /// Ids.
    public let tokens: [Int32]
    /// Position of the first one: the number of padding tokens before it.
    public let offset: Int

    /// A text of these ids.
    public init(tokens: [Int32], offset: Int) {
        self.tokens = tokens
        self.offset = offset
    }
}
