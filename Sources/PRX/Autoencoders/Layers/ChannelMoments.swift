internal import Tensors

/// Per channel, the sum and the sum of squares over pixels, in double precision.
struct ChannelMoments: Sendable {
    private(set) var pixelCount = 0
    private(set) var sums: [Double]
    private(set) var squares: [Double]

    /// Moments of no pixel.
    init(channels: Int) {
        sums = [Double](repeating: 0, count: channels)
        squares = sums
    }

    /// Takes in other pixels. Parts are merged in an order that the shapes alone give.
    mutating func merge(_ other: ChannelMoments) {
        pixelCount += other.pixelCount
        for channel in sums.indices {
            sums[channel] += other.sums[channel]
            squares[channel] += other.squares[channel]
        }
    }

    /// Takes in a run of pixels, given the first pixel and the sums of what they differ from it.
    fileprivate mutating func merge(
        pixels: Int, first: UnsafePointer<Float>, differences: UnsafePointer<Float>, squares other: UnsafePointer<Float>
    ) {
        pixelCount += pixels
        for channel in sums.indices {
            let pivot = Double(first[channel])
            let sum = Double(differences[channel])
            sums[channel] += sum + Double(pixels) * pivot
            squares[channel] += Double(other[channel]) + pivot * (2 * sum + Double(pixels) * pivot)
        }
    }

    /// The moments of a whole map.
    static func measure(_ map: FeatureMap, on work: Workspace) -> ChannelMoments {
        let rows = max(1, 16_384 / max(1, map.width * map.channels))
        let parts = ChannelMomentParts(count: (map.height + rows - 1) / rows, channels: map.channels)
        work.pool.parallelFor(parts.count) { part in
            var moments = ChannelMoments(channels: map.channels)
            moments.measure(map.rows(part * rows, min(rows, map.height - part * rows)))
            parts[part] = moments
        }
        return parts.merged
    }

    private mutating func measure(_ map: FeatureMap) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.scratchCount(channels: map.channels)) { scratch in
            guard let base = scratch.baseAddress else { return }
            for row in 0..<map.height {
                add(map.pointer + row * map.rowStride, pixels: map.width, stride: map.pixelStride, scratch: base)
            }
        }
    }

    /// Floats that ``add(_:pixels:stride:scratch:)`` works with.
    static func scratchCount(channels: Int) -> Int { 2 * roundedUp(channels, to: 8) }

    /// Takes in a run of pixels.
    ///
    /// Summed are the differences from the run's first pixel, so that a large mean costs the variance no precision; the runs
    /// (a row at most) go on in double precision.
    mutating func add(
        _ first: UnsafePointer<Float>, pixels: Int, stride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        guard pixels > 0 else { return }
        let channels = sums.count
        let differences = scratch
        let squares = scratch + roundedUp(channels, to: 8)
        scratch.update(repeating: 0, count: Self.scratchCount(channels: channels))
        for pixel in 1..<max(1, pixels) {
            let source = first + pixel * stride
            var channel = 0
            while channel + 8 <= channels {
                let difference = Lanes(at: source + channel) - Lanes(at: first + channel)
                (Lanes(at: differences + channel) + difference).write(to: differences + channel)
                difference.times(difference, plus: Lanes(at: squares + channel)).write(to: squares + channel)
                channel += 8
            }
            while channel < channels {
                let difference = source[channel] - first[channel]
                differences[channel] += difference
                squares[channel] += difference * difference
                channel += 1
            }
        }
        merge(pixels: pixels, first: first, differences: differences, squares: squares)
    }
}

/// The moments of the parts of a map, each set by the tile that computes it.
///
/// `@unchecked Sendable`: a tile sets its own part only, and they are merged when all tiles are done.
final class ChannelMomentParts: @unchecked Sendable {
    let count: Int
    private let parts: UnsafeMutablePointer<ChannelMoments>

    init(count: Int, channels: Int) {
        self.count = count
        parts = .allocate(capacity: max(1, count))
        parts.initialize(repeating: ChannelMoments(channels: channels), count: max(1, count))
    }

    deinit {
        parts.deinitialize(count: max(1, count))
        parts.deallocate()
    }

    subscript(index: Int) -> ChannelMoments {
        get { parts[index] }
        set { parts[index] = newValue }
    }

    /// All parts together, in their order.
    var merged: ChannelMoments {
        var all = parts[0]
        for index in 1..<max(1, count) { all.merge(parts[index]) }
        return all
    }
}
