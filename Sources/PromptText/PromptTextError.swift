/// Why a checkpoint's tokenizer or a prompt cannot be used.
public struct PromptTextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble.
    public enum Code: String, Sendable {
        /// A file of the tokenizer, or `model_index.json`, is missing or broken.
        case badCheckpoint
        /// The tokenizer asks for something this library does not do.
        case unsupported
        /// A prompt that cannot be used.
        case badPrompt
    }

    /// What kind of trouble.
    public let code: Code
    /// The file, key or prompt it is about, and what to do.
    public let message: String

    /// An error of a kind, with a message for people.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
