public import PromptText

/// Why a checkpoint or a request cannot be used.
public struct PRXError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble.
    public enum Code: String, Sendable {
        /// The folder is no PRX checkpoint, or a part of it is missing or broken.
        case badCheckpoint
        /// The checkpoint asks for something this library does not do.
        case unsupported
        /// A size, a number of steps or a guidance the model cannot take.
        case badRequest
        /// A prompt that cannot be used.
        case badPrompt
        /// A picture came out with values that are no numbers.
        case notFinite
        /// Weights are not what they were when they were opened.
        case weightsChanged
    }

    /// What kind of trouble.
    public let code: Code
    /// The file, key or setting it is about, and what to do.
    public let message: String

    /// An error of a kind, with a message for people.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// The same trouble, found in the tokenizer or the prompt.
    public init(_ error: PromptTextError) {
        let code: Code =
            switch error.code {
            case .badCheckpoint: .badCheckpoint
            case .unsupported: .unsupported
            case .badPrompt: .badPrompt
            }
        self.init(code, error.message)
    }
}
