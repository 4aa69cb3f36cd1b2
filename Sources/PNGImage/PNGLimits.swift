/// How much a PNG file may ask for. Checked before memory is taken.
public struct PNGLimits: Hashable, Sendable {
    /// Largest width times height. A pixel takes up to 4 bytes.
    public var pixelCount: Int
    /// Largest size in bytes of any one chunk that is not pixel data, and of a text once it is decompressed.
    public var chunkBytes: Int
    /// Most text chunks.
    public var textChunkCount: Int

    /// 64 Mi pixels (8192x8192), chunks of 4 MiB, 32 texts: at most 256 MiB of pixels and 128 MiB of text.
    public static let standard = PNGLimits(pixelCount: 64 << 20, chunkBytes: 4 << 20, textChunkCount: 32)

    /// Limits of the caller's choice, each at least 1.
    public init(pixelCount: Int, chunkBytes: Int, textChunkCount: Int) {
        self.pixelCount = pixelCount
        self.chunkBytes = chunkBytes
        self.textChunkCount = textChunkCount
    }
}
