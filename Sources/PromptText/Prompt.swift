/// A prompt as a text encoder takes it.
public struct Prompt: Hashable, Sendable {
    /// The text after cleaning.
    public let effectiveText: String
    /// Ids of the real tokens.
    public let tokens: [Int32]
    /// Padding tokens before the first one.
    public let offset: Int
    /// Tokens before truncation.
    public let tokenCount: Int
    /// How the text was cleaned.
    public let cleaning: TextCleaning
    /// Whether cleaning took letters beyond Latin out of it.
    public let droppedLetters: Bool
}
