/// Why weights could not be read.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble.
    public enum Code: String, Sendable {
        /// The file is not there or cannot be read.
        case unreadable
        /// The bytes are not what the format says.
        case malformed
        /// A tensor is missing, left over, or of another shape or type than its config asks for.
        case mismatch
    }

    /// What kind of trouble.
    public let code: Code
    /// The file, key or tensor it is about, and what to do.
    public let message: String

    /// An error of a kind, with a message for people.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
