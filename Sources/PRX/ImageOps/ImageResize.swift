internal import Tensors

extension FloatImage {
    /// The image scaled to cover `size` with its aspect ratio kept, and what sticks out cut off evenly.
    ///
    /// Port of `PixArtImageProcessor.resize_and_crop_tensor`, diffusers `image_processor.py`: bilinear with half-pixel centres,
    /// no antialiasing, on the floats before they are clamped; of an odd rest the smaller half is cut from the top and left.
    /// An image of that size is returned as it is. One thing differs: upstream rounds the scaled size down, at times to one
    /// pixel less than asked for, and then returns a sliver; here the scaled size is never below `size`.
    /// - Parameter size: Pixels, both at least 1.
    public func resizedAndCropped(to size: ImageSize) -> FloatImage {
        precondition(size.height >= 1 && size.width >= 1 && height >= 1 && width >= 1, "no pixels to resize")
        if size.height == height, size.width == width { return self }
        let ratio = max(Double(size.height) / Double(height), Double(size.width) / Double(width))
        let scaledHeight = max(size.height, Int(Double(height) * ratio))
        let scaledWidth = max(size.width, Int(Double(width) * ratio))
        let rows = BilinearAxis(
            source: height, scaled: scaledHeight, start: (scaledHeight - size.height) / 2, count: size.height)
        let columns = BilinearAxis(
            source: width, scaled: scaledWidth, start: (scaledWidth - size.width) / 2, count: size.width)
        let result = FloatImage(channels: channels, height: size.height, width: size.width)
        for channel in 0..<channels {
            let plane = values.pointer + channel * height * width
            let target = result.values.pointer + channel * size.height * size.width
            for y in 0..<size.height {
                let upper = plane + rows.low[y] * width
                let lower = plane + rows.high[y] * width
                let (aboveWeight, belowWeight) = (1 - rows.fraction[y], rows.fraction[y])
                for x in 0..<size.width {
                    let (left, right, fraction) = (columns.low[x], columns.high[x], columns.fraction[x])
                    let above = (1 - fraction) * upper[left] + fraction * upper[right]
                    let below = (1 - fraction) * lower[left] + fraction * lower[right]
                    target[y * size.width + x] = aboveWeight * above + belowWeight * below
                }
            }
        }
        return result
    }
}

/// Where the pixels of one scaled and cropped axis lie between the pixels they come from.
///
/// `position = (i + 0.5) · source / scaled − 0.5`, not below 0, in float32 as PyTorch's `interpolate` computes it.
private struct BilinearAxis {
    /// The two neighbours of each pixel, and how far it is on the way from the first to the second.
    let low: [Int]
    let high: [Int]
    let fraction: [Float]

    init(source: Int, scaled: Int, start: Int, count: Int) {
        let scale = Float(source) / Float(scaled)
        let positions = (start..<(start + count)).map { max(0, (Float($0) + 0.5) * scale - 0.5) }
        low = positions.map { min(Int($0), source - 1) }
        high = low.map { min($0 + 1, source - 1) }
        fraction = zip(positions, low).map { min(max($0 - Float($1), 0), 1) }
    }
}
