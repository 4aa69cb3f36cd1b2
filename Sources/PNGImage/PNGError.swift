/// What went wrong with an image.
public struct PNGError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of trouble. New kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Base: String {
            case invalidImage
            case invalidText
            case notPNG
            case damaged
            case limitExceeded
            case outOfMemory
        }

        private let base: Base

        /// Width, height, format and number of bytes do not fit together, or a size is out of range.
        public static let invalidImage = Code(base: .invalidImage)
        /// A keyword or text that a PNG text chunk cannot hold.
        public static let invalidText = Code(base: .invalidText)
        /// The bytes are not a PNG file.
        public static let notPNG = Code(base: .notPNG)
        /// The file is cut off, fails a checksum or contradicts itself.
        public static let damaged = Code(base: .damaged)
        /// The file is larger than the caller's ``PNGLimits``.
        public static let limitExceeded = Code(base: .limitExceeded)
        /// Memory ran out.
        public static let outOfMemory = Code(base: .outOfMemory)

        /// The code's name.
        public var description: String { base.rawValue }
    }

    /// The kind of trouble.
    public let code: Code
    /// A sentence for people. It names the chunk and its place in the file where there is one, never a path.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
