/// Keys and values of an attention on vectors, packed for ``PanelKernel``: for every head and every stretch of keys, the keys in panels of
/// six, then the values in panels of six columns.
///
/// `@unchecked Sendable`: tasks fill disjoint parts, and nobody reads before all are done.
struct VectorKeys: @unchecked Sendable {
    /// Keys of a stretch: their scores of sixteen queries are 16 kB, half of a first-level cache.
    static let stretch = 252

    /// Where things lie.
    struct Layout: Sendable {
        let heads: Int
        let headWidth: Int
        let keyCount: Int

        var stretches: Int { (keyCount + VectorKeys.stretch - 1) / VectorKeys.stretch }
        /// A task fills one stretch of one head.
        var tasks: Int { heads * stretches }
        /// Panels of the values' columns.
        var columnPanels: Int { (headWidth + PanelKernel.rows - 1) / PanelKernel.rows }
        var keyFloats: Int { VectorKeys.stretch * headWidth }
        var taskFloats: Int { keyFloats + columnPanels * PanelKernel.rows * VectorKeys.stretch }
        var count: Int { tasks * taskFloats }

        func keys(of stretch: Int) -> Range<Int> {
            (stretch * VectorKeys.stretch)..<min(keyCount, (stretch + 1) * VectorKeys.stretch)
        }
    }

    let layout: Layout
    let memory: UnsafeMutablePointer<Float>

    /// `[key panels, headWidth, 6]`.
    func keys(head: Int, stretch: Int) -> UnsafePointer<Float> {
        UnsafePointer(memory + (head * layout.stretches + stretch) * layout.taskFloats)
    }

    /// `[column panels, keys of the stretch, 6]`.
    func values(head: Int, stretch: Int) -> UnsafePointer<Float> {
        keys(head: head, stretch: stretch) + layout.keyFloats
    }

    /// Packs one stretch of one head.
    func fill(
        _ task: Int, _ k: UnsafePointer<Float>, _ kStride: Int, _ v: UnsafePointer<Float>, _ vStride: Int
    ) {
        let (head, range) = (task / layout.stretches, layout.keys(of: task % layout.stretches))
        let (six, width, count) = (PanelKernel.rows, layout.headWidth, range.count)
        let target = memory + task * layout.taskFloats
        let padded = (count + six - 1) / six * six
        if padded > count { (target + (padded - six) * width).update(repeating: 0, count: six * width) }
        for key in stride(from: 0, to: count, by: six) {
            PackedRows.interleave(
                k + (range.lowerBound + key) * kStride + head * width, stride: kStride, rows: min(six, count - key),
                count: width, into: target + key * width)
        }
        let values = target + layout.keyFloats
        for key in 0..<count {
            let source = v + (range.lowerBound + key) * vStride + head * width
            var panel = values + key * six
            var column = 0
            while column + six <= width {
                panel.update(from: source + column, count: six)
                column += six
                panel += count * six
            }
            if column < width {
                panel.update(repeating: 0, count: six)
                panel.update(from: source + column, count: width - column)
            }
        }
    }
}
