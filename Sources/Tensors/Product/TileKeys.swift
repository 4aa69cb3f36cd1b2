internal import CKernels

/// Keys and values of an attention on the tile unit, packed as columns (see ``KernelClass/tiles``): for every head and every
/// stretch of keys, the keys in panels of sixteen, then the values in panels of sixteen of their columns.
///
/// `@unchecked Sendable`: tasks fill disjoint parts, and nobody reads before all are done.
struct TileKeys: @unchecked Sendable {
    /// Keys of a stretch: with 32 queries, their scores (16 kB) and weights (24 kB) fit a first-level cache of 48 kB.
    static let stretch = 128
    private static let planes = 3

    /// Where things lie. Counted in floats.
    struct Layout: Sendable {
        let heads: Int
        let headWidth: Int
        let keyCount: Int

        var stretches: Int { (keyCount + TileKeys.stretch - 1) / TileKeys.stretch }
        /// A task fills one stretch of one head.
        var tasks: Int { heads * stretches }
        /// A panel of keys, along the head's width.
        var keyPanel: Int { KernelClass.tiles.columnPanelFloats(headWidth, planes: planes) }
        /// A panel of the values' columns, along some keys.
        func valuePanel(_ keys: Int) -> Int { KernelClass.tiles.columnPanelFloats(keys, planes: planes) }
        var keyFloats: Int { TileKeys.stretch / 16 * keyPanel }
        var taskFloats: Int { keyFloats + headWidth / 16 * valuePanel(TileKeys.stretch) }
        var count: Int { tasks * taskFloats }

        func keys(of stretch: Int) -> Range<Int> {
            (stretch * TileKeys.stretch)..<min(keyCount, (stretch + 1) * TileKeys.stretch)
        }
    }

    let layout: Layout
    let memory: UnsafeMutablePointer<Float>

    /// Panels of keys.
    func keys(head: Int, stretch: Int) -> UnsafePointer<Float> {
        UnsafePointer(memory + (head * layout.stretches + stretch) * layout.taskFloats)
    }

    /// Panels of the values' columns.
    func values(head: Int, stretch: Int) -> UnsafePointer<Float> {
        keys(head: head, stretch: stretch) + layout.keyFloats
    }

    /// Packs one stretch of one head.
    func fill(
        _ task: Int, _ k: UnsafePointer<Float>, _ kStride: Int, _ v: UnsafePointer<Float>, _ vStride: Int
    ) {
        let (head, range) = (task / layout.stretches, layout.keys(of: task % layout.stretches))
        let width = layout.headWidth
        let target = memory + task * layout.taskFloats
        for key in stride(from: 0, to: range.count, by: 16) {
            packshot_tiles_pack_floats(
                k + (range.lowerBound + key) * kStride + head * width, kStride, min(16, range.count - key), width,
                Int32(Self.planes), words(target + key / 16 * layout.keyPanel))
        }
        let values = target + layout.keyFloats
        for column in stride(from: 0, to: width, by: 16) {
            packshot_tiles_pack_values(
                v + range.lowerBound * vStride + head * width + column, vStride, range.count, 16,
                words(values + column / 16 * layout.valuePanel(range.count)))
        }
    }

    private func words(_ pointer: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: UInt16.self)
    }
}
