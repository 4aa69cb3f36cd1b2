/// Keys and values of an attention, packed for one class of kernels: for every head and every stretch of keys, the keys, then the
/// values.
///
/// Tasks fill disjoint parts, and nobody reads before all are done: conforming types are `@unchecked Sendable` by that.
protocol PackedKeys: Sendable {
    /// Keys of a stretch.
    static var stretch: Int { get }
    /// Floats that the keys of a stretch of one head take; of the values likewise.
    static func keyFloats(headWidth: Int) -> Int
    static func valueFloats(headWidth: Int) -> Int

    init(layout: PackedKeysLayout, memory: UnsafeMutablePointer<Float>)
    var layout: PackedKeysLayout { get }
    var memory: UnsafeMutablePointer<Float> { get }

    /// Packs a stretch of one head.
    /// - Parameters:
    ///   - k: The head's part of the first of these keys, `kStride` floats from one to the next; `v` likewise.
    ///   - count: Keys, at most ``stretch``.
    ///   - keys: Where they go, and where the values go.
    func pack(
        _ k: UnsafePointer<Float>, _ kStride: Int, _ v: UnsafePointer<Float>, _ vStride: Int, count: Int,
        keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>)
}

/// Where packed keys and values lie. Counted in floats.
struct PackedKeysLayout: Sendable {
    let heads: Int
    let headWidth: Int
    let keyCount: Int
    let stretch: Int
    let keyFloats: Int
    let valueFloats: Int

    init<Keys: PackedKeys>(of keys: Keys.Type, heads: Int, headWidth: Int, keyCount: Int) {
        self.heads = heads
        self.headWidth = headWidth
        self.keyCount = keyCount
        stretch = Keys.stretch
        keyFloats = Keys.keyFloats(headWidth: headWidth)
        valueFloats = Keys.valueFloats(headWidth: headWidth)
    }

    var stretches: Int { (keyCount + stretch - 1) / stretch }
    /// A task fills one stretch of one head.
    var tasks: Int { heads * stretches }
    var count: Int { tasks * (keyFloats + valueFloats) }

    func keys(of stretch: Int) -> Range<Int> {
        (stretch * self.stretch)..<min(keyCount, (stretch + 1) * self.stretch)
    }
}

extension PackedKeys {
    /// Packed keys of one stretch of one head.
    func keys(head: Int, stretch: Int) -> UnsafePointer<Float> {
        UnsafePointer(memory + (head * layout.stretches + stretch) * (layout.keyFloats + layout.valueFloats))
    }

    /// Packed values likewise.
    func values(head: Int, stretch: Int) -> UnsafePointer<Float> {
        keys(head: head, stretch: stretch) + layout.keyFloats
    }

    /// Packs one stretch of one head, of all keys and values.
    func fill(
        _ task: Int, _ k: UnsafePointer<Float>, _ kStride: Int, _ v: UnsafePointer<Float>, _ vStride: Int
    ) {
        let (head, range) = (task / layout.stretches, layout.keys(of: task % layout.stretches))
        let target = memory + task * (layout.keyFloats + layout.valueFloats)
        pack(
            k + range.lowerBound * kStride + head * layout.headWidth, kStride,
            v + range.lowerBound * vStride + head * layout.headWidth, vStride, count: range.count, keys: target,
            values: target + layout.keyFloats)
    }
}
