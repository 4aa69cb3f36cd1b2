/// Fits a bitmap into a box: whole-number enlargement by repeating pixels, or reduction by averaging.
struct Thumbnail {
    /// Size in pixels of the result, at most the box.
    let width: Int
    let height: Int

    /// The size that keeps the proportions and touches the box, but enlarges only by whole numbers, so that small
    /// images stay sharp.
    init(of bitmap: Bitmap, boxWidth: Int, boxHeight: Int) {
        if bitmap.width <= boxWidth, bitmap.height <= boxHeight {
            let factor = min(boxWidth / bitmap.width, boxHeight / bitmap.height)
            width = bitmap.width * factor
            height = bitmap.height * factor
        } else if bitmap.width * boxHeight >= bitmap.height * boxWidth {
            width = boxWidth
            height = max(1, (bitmap.height * boxWidth + bitmap.width / 2) / bitmap.width)
        } else {
            width = max(1, (bitmap.width * boxHeight + bitmap.height / 2) / bitmap.height)
            height = boxHeight
        }
    }

    /// The result's pixels as RGB, over a background where the bitmap is transparent.
    ///
    /// Each pixel is the mean of the source area it covers, partly covered pixels counting in part (box filter); for a
    /// whole-number enlargement that is pixel repetition. Means are of the sRGB values, not of light.
    func render(_ bitmap: Bitmap, over background: ContactSheet.Color) -> [UInt8] {
        let source = opaque(bitmap, over: background)
        let rowSpans = spans(from: bitmap.height, to: height)
        let columnSpans = spans(from: bitmap.width, to: width)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        var row = [Float](repeating: 0, count: bitmap.width * 3)
        for rowSpan in rowSpans {
            for index in row.indices { row[index] = 0 }
            for (y, weight) in rowSpan {
                let start = y * bitmap.width * 3
                for index in row.indices { row[index] += weight * Float(source[start + index]) }
            }
            for columnSpan in columnSpans {
                for channel in 0..<3 {
                    var mean: Float = 0
                    for (x, weight) in columnSpan { mean += weight * row[x * 3 + channel] }
                    pixels.append(UInt8(max(0, min(255, mean.rounded()))))
                }
            }
        }
        return pixels
    }

    /// For each of `count` results, the sources it covers and their shares, which add up to 1.
    private func spans(from sources: Int, to count: Int) -> [[(Int, Float)]] {
        (0..<count).map { index in
            // Ends in units of 1/count of a source pixel, so that all arithmetic is exact.
            let start = index * sources
            let end = (index + 1) * sources
            return (start / count...(end - 1) / count).map { source in
                let covered = min(end, (source + 1) * count) - max(start, source * count)
                return (source, Float(covered) / Float(sources))
            }
        }
    }

    private func opaque(_ bitmap: Bitmap, over background: ContactSheet.Color) -> [UInt8] {
        switch bitmap.format {
        case .rgb8:
            return bitmap.pixels
        case .gray8:
            return bitmap.pixels.flatMap { [$0, $0, $0] }
        case .rgba8:
            let behind = [Int(background.red), Int(background.green), Int(background.blue)]
            var pixels: [UInt8] = []
            pixels.reserveCapacity(bitmap.width * bitmap.height * 3)
            for start in stride(from: 0, to: bitmap.pixels.count, by: 4) {
                let alpha = Int(bitmap.pixels[start + 3])
                for channel in 0..<3 {
                    let mixed = Int(bitmap.pixels[start + channel]) * alpha + behind[channel] * (255 - alpha)
                    pixels.append(UInt8((mixed + 127) / 255))
                }
            }
            return pixels
        }
    }
}
