/// Height and width of an image in pixels.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
    /// Pixels.
    public let height: Int
    /// Pixels.
    public let width: Int

    /// A size; both sides in pixels.
    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Width first, as people say it: `1248x832`.
    public var description: String { "\(width)x\(height)" }
}

/// The sizes a model of one sample size was trained on, found by aspect ratio.
///
/// With "resolution binning" an image is generated at the trained size whose ratio is nearest to the asked one, and then
/// resized and cropped (``FloatImage/resizedAndCropped(to:)``). Tables: `ASPECT_RATIO_*_BIN` in diffusers'
/// `pipeline_prx.py`.
public struct ResolutionBins: Sendable {
    /// Height over width as the table names it (two decimals), and the size. The order breaks ties.
    public let bins: [(ratio: Double, size: ImageSize)]

    /// Sample sizes there is a table for. Upstream's pixel pipeline knows 1024 only.
    public static let sampleSizes = [256, 512, 1024]

    /// The bins of a model, or nil if its sample size has none (upstream refuses binning then).
    /// - Parameter sampleSize: `default_sample_size` of the checkpoint.
    public init?(sampleSize: Int) {
        guard let table = Self.tables[sampleSize] else { return nil }
        bins = table.map { ($0, ImageSize(height: $1, width: $2)) }
    }

    /// The bin whose ratio is nearest to `height / width`, the first of equally near ones.
    /// - Parameters:
    ///   - height: Pixels, at least 1; `width` too.
    public func nearest(height: Int, width: Int) -> ImageSize {
        precondition(height >= 1 && width >= 1, "an image of \(height) x \(width) has no aspect ratio")
        let wanted = Double(height) / Double(width)
        var best = bins[0]
        for bin in bins.dropFirst() where abs(bin.ratio - wanted) < abs(best.ratio - wanted) { best = bin }
        return best.size
    }

    private static let tables: [Int: [(Double, Int, Int)]] = [
        256: [
            (0.46, 160, 352), (0.6, 192, 320), (0.78, 224, 288), (1.0, 256, 256), (1.29, 288, 224), (1.67, 320, 192),
            (2.2, 352, 160),
        ],
        512: [
            (0.5, 352, 704), (0.57, 384, 672), (0.6, 384, 640), (0.68, 416, 608), (0.78, 448, 576), (0.88, 480, 544),
            (1.0, 512, 512), (1.13, 544, 480), (1.29, 576, 448), (1.46, 608, 416), (1.67, 640, 384), (1.75, 672, 384),
            (2.0, 704, 352),
        ],
        1024: [
            (0.49, 704, 1440), (0.52, 736, 1408), (0.53, 736, 1376), (0.57, 768, 1344), (0.59, 768, 1312),
            (0.62, 800, 1280), (0.67, 832, 1248), (0.68, 832, 1216), (0.78, 896, 1152), (0.83, 928, 1120),
            (0.94, 992, 1056), (1.0, 1024, 1024), (1.06, 1056, 992), (1.13, 1088, 960), (1.21, 1120, 928),
            (1.29, 1152, 896), (1.37, 1184, 864), (1.46, 1216, 832), (1.5, 1248, 832), (1.71, 1312, 768),
            (1.75, 1344, 768), (1.87, 1376, 736), (1.91, 1408, 736), (2.05, 1440, 704),
        ],
    ]
}
