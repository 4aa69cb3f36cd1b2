/// A text as token ids.
public struct TokenizedText: Hashable, Sendable {
    /// Ids of the real tokens, after truncation and with the template's special tokens.
    public let tokens: [Int32]
    /// Padding tokens before the first real one; 0 when the tokenizer pads on the right.
    public let padOffset: Int
    /// Tokens the whole text has, special ones included.
    public let tokenCountBeforeTruncation: Int
    /// Id of a padding token.
    public let padToken: Int32
    /// Length texts are padded to.
    public let paddedLength: Int

    /// The ids as the reference feeds them to the encoder, `paddedLength` of them.
    public var paddedTokens: [Int32] {
        let after = paddedLength - padOffset - tokens.count
        return [Int32](repeating: padToken, count: padOffset) + tokens
            + [Int32](repeating: padToken, count: max(0, after))
    }

    /// 1 for every real token and 0 for padding, `paddedLength` of them.
    public var attentionMask: [UInt8] {
        let after = paddedLength - padOffset - tokens.count
        return [UInt8](repeating: 0, count: padOffset) + [UInt8](repeating: 1, count: tokens.count)
            + [UInt8](repeating: 0, count: max(0, after))
    }
}
