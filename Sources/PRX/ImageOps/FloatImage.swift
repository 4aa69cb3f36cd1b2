public import Tensors

/// An image, or the latents of one, as planes of floats: `[channels, height, width]`, row-major.
public struct FloatImage: Sendable {
    /// Planes: 3 for red, green, blue.
    public let channels: Int
    /// Rows.
    public let height: Int
    /// Columns.
    public let width: Int
    /// The elements, `channels * height * width` of them.
    public let values: FloatBuffer

    /// An image over given elements, which it shares.
    public init(channels: Int, height: Int, width: Int, values: FloatBuffer) {
        precondition(
            channels >= 0 && height >= 0 && width >= 0 && values.count == channels * height * width,
            "\(values.count) floats are no \(channels)x\(height)x\(width) image")
        self.channels = channels
        self.height = height
        self.width = width
        self.values = values
    }

    /// An image of zeros.
    public init(channels: Int, height: Int, width: Int) {
        self.init(
            channels: channels, height: height, width: width,
            values: FloatBuffer(count: channels * height * width))
    }
}
