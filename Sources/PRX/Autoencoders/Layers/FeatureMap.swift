internal import Tensors

// Letters in shapes: H W rows and columns of pixels, C channels of a pixel. Feature maps are pixel-major, `[H, W, C]`: a
// pixel's channels lie side by side, so that vectors run along channels and a matrix product takes pixels as rows.

/// Memory of feature maps: floats at a 64-byte boundary that nobody has set.
///
/// Unlike ``FloatBuffer`` it is not cleared: maps reach a gigabyte, every element is written before it is read, and pages
/// are best touched first by the threads that compute them. `@unchecked Sendable`: tiles write disjoint parts.
final class FeatureStorage: @unchecked Sendable {
    let count: Int
    let pointer: UnsafeMutablePointer<Float>

    init(count: Int) {
        precondition(count >= 0, "storage cannot have \(count) elements")
        self.count = count
        let raw = LargeMemory.allocate(byteCount: max(16, count) * 4)
        pointer = raw.bindMemory(to: Float.self, capacity: max(16, count))
    }

    deinit {
        UnsafeMutableRawPointer(pointer).deallocate()
    }
}

/// Features of a grid of pixels, `[H, W, C]`, possibly some of the channels of a wider map.
struct FeatureMap: Sendable {
    let height: Int
    let width: Int
    let channels: Int
    /// Floats from one pixel to the next; rows follow each other without gaps.
    let pixelStride: Int
    private let storage: FeatureStorage
    private let offset: Int

    /// A dense map of undefined contents.
    init(height: Int, width: Int, channels: Int) {
        self.init(
            height: height, width: width, channels: channels, pixelStride: channels,
            storage: FeatureStorage(count: height * width * channels), offset: 0)
    }

    private init(height: Int, width: Int, channels: Int, pixelStride: Int, storage: FeatureStorage, offset: Int) {
        self.height = height
        self.width = width
        self.channels = channels
        self.pixelStride = pixelStride
        self.storage = storage
        self.offset = offset
    }

    var pixelCount: Int { height * width }
    var rowStride: Int { width * pixelStride }

    /// First channel of the first pixel.
    var pointer: UnsafeMutablePointer<Float> { storage.pointer + offset }

    /// The channels `start ..< start + count` of this map, in its memory. A pixel has room for `pixelStride` channels.
    func slice(_ start: Int, _ count: Int) -> FeatureMap {
        precondition(start >= 0 && count >= 0 && start + count <= pixelStride, "a pixel has no room for these channels")
        return FeatureMap(
            height: height, width: width, channels: count, pixelStride: pixelStride, storage: storage,
            offset: offset + start)
    }

    /// The rows `start ..< start + count` of this map, in its memory.
    func rows(_ start: Int, _ count: Int) -> FeatureMap {
        precondition(start >= 0 && count >= 0 && start + count <= height, "rows outside of the map")
        return FeatureMap(
            height: count, width: width, channels: channels, pixelStride: pixelStride, storage: storage,
            offset: offset + start * rowStride)
    }

    /// Whether the map fills its memory: no other channels lie between its own.
    var isDense: Bool { pixelStride == channels }

    /// Copies another map of the same size.
    func copy(_ other: FeatureMap, on work: Workspace) {
        precondition(other.pixelCount == pixelCount && other.channels == channels, "maps of different sizes")
        forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                (pointer + pixel * pixelStride).update(from: other.pointer + pixel * other.pixelStride, count: channels)
            }
        }
    }

    /// The map of an image's planes.
    init(planes: FloatImage) {
        self.init(height: planes.height, width: planes.width, channels: planes.channels)
        let count = pixelCount
        for channel in 0..<channels {
            let source = planes.values.pointer + channel * count
            for index in 0..<count { pointer[index * channels + channel] = source[index] }
        }
    }

    /// The planes of the map.
    var planes: FloatImage {
        let image = FloatImage(channels: channels, height: height, width: width)
        let count = pixelCount
        for channel in 0..<channels {
            let target = image.values.pointer + channel * count
            for index in 0..<count { target[index] = pointer[index * pixelStride + channel] }
        }
        return image
    }

    /// Calls `body` for runs of pixels, in parallel: about 32,768 floats a run, cut by the shape alone.
    func forEachRun(on work: Workspace, _ body: @Sendable (_ firstPixel: Int, _ pixels: Int) -> Void) {
        let run = max(1, 32_768 / max(1, channels))
        let count = pixelCount
        work.pool.parallelFor((count + run - 1) / run) { index in
            body(index * run, min(run, count - index * run))
        }
    }
}
