/// Pixels in memory: 8 bits a channel, channels interleaved, rows from the top, no padding. Colours are sRGB.
public struct Bitmap: Hashable, Sendable {
    /// The channels of a pixel, in the order of their bytes.
    public enum Format: Int, Hashable, Sendable {
        /// One byte of grey.
        case gray8 = 1
        /// Red, green, blue.
        case rgb8 = 3
        /// Red, green, blue, alpha; not premultiplied.
        case rgba8 = 4

        /// Bytes of a pixel.
        public var channels: Int { rawValue }
    }

    /// Columns, `1...1_000_000`.
    public let width: Int
    /// Rows, `1...1_000_000`.
    public let height: Int
    /// What the bytes mean.
    public let format: Format
    /// `width * height * format.channels` bytes; the byte of channel `c` at column `x` of row `y` is number
    /// `(y * width + x) * format.channels + c`.
    public private(set) var pixels: [UInt8]

    /// Takes over pixels.
    /// - Throws: ``PNGError`` `.invalidImage` when a size is out of range or the number of bytes does not fit.
    public init(width: Int, height: Int, format: Format, pixels: [UInt8]) throws(PNGError) {
        let count = try Bitmap.byteCount(width: width, height: height, format: format)
        guard pixels.count == count else {
            throw PNGError(
                .invalidImage,
                "\(width)x\(height) pixels of \(format.channels) bytes are \(count) bytes, but \(pixels.count) were given"
            )
        }
        self.width = width
        self.height = height
        self.format = format
        self.pixels = pixels
    }

    /// A bitmap of one colour.
    /// - Parameter color: One byte for each channel.
    /// - Throws: ``PNGError`` `.invalidImage` when a size is out of range or the colour has the wrong number of bytes.
    public init(width: Int, height: Int, format: Format, filledWith color: [UInt8]) throws(PNGError) {
        let count = try Bitmap.byteCount(width: width, height: height, format: format)
        guard color.count == format.channels else {
            throw PNGError(.invalidImage, "a colour of \(format.channels) bytes is needed, \(color.count) were given")
        }
        self.width = width
        self.height = height
        self.format = format
        let channels = format.channels
        pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = color[index % channels] }
            initialized = count
        }
    }

    /// Changes pixels in place. The buffer has ``pixels``'s layout and must not outlive the call.
    mutating func withPixels(_ body: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
        pixels.withUnsafeMutableBufferPointer { body($0) }
    }

    private static func byteCount(width: Int, height: Int, format: Format) throws(PNGError) -> Int {
        let sides = 1...1_000_000
        guard sides.contains(width), sides.contains(height) else {
            throw PNGError(.invalidImage, "an image of \(width)x\(height) pixels: each side must be 1 to 1000000")
        }
        return width * height * format.channels
    }
}
