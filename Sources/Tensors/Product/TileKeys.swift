internal import CKernels

/// Keys and values of an attention on the tile unit, packed as columns (see ``KernelClass/tiles``): the keys of a stretch in panels
/// of sixteen, then the values in panels of sixteen of their columns.
struct TileKeys: PackedKeys, @unchecked Sendable {
    /// With 32 queries, the scores of a stretch (16 kB) and its weights (24 kB) fit a first-level cache of 48 kB.
    static let stretch = 128
    private static let planes = 3

    let layout: PackedKeysLayout
    let memory: UnsafeMutablePointer<Float>

    static func keyFloats(headWidth: Int) -> Int { stretch / 16 * panel(headWidth) }
    static func valueFloats(headWidth: Int) -> Int { headWidth / 16 * panel(stretch) }

    /// A panel of keys along the head's width, or of the values' columns along some keys.
    private static func panel(_ count: Int) -> Int { KernelClass.tiles.columnPanelFloats(count, planes: planes) }

    func pack(
        _ k: UnsafePointer<Float>, _ kStride: Int, _ v: UnsafePointer<Float>, _ vStride: Int, count: Int,
        keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>
    ) {
        let width = layout.headWidth
        for key in stride(from: 0, to: count, by: 16) {
            packshot_tiles_pack_floats(
                k + key * kStride, kStride, min(16, count - key), width, Int32(Self.planes),
                words(keys + key / 16 * Self.panel(width)))
        }
        for column in stride(from: 0, to: width, by: 16) {
            packshot_tiles_pack_values(
                v + column, vStride, count, 16, words(values + column / 16 * Self.panel(count)))
        }
    }

    private func words(_ pointer: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: UInt16.self)
    }
}
