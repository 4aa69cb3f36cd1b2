/// Keys and values of an attention on vectors, packed for ``PanelKernel``: the keys of a stretch in panels of six, `[key panels,
/// headWidth, 6]`, then the values in panels of six columns, `[column panels, keys of the stretch, 6]`.
struct VectorKeys: PackedKeys, @unchecked Sendable {
    /// The scores of a stretch with sixteen queries are 16 kB, half of a first-level cache.
    static let stretch = 252

    let layout: PackedKeysLayout
    let memory: UnsafeMutablePointer<Float>

    static func keyFloats(headWidth: Int) -> Int { stretch * headWidth }
    static func valueFloats(headWidth: Int) -> Int { columnPanels(headWidth) * PanelKernel.rows * stretch }

    /// Panels of the values' columns.
    static func columnPanels(_ headWidth: Int) -> Int { (headWidth + PanelKernel.rows - 1) / PanelKernel.rows }

    func pack(
        _ k: UnsafePointer<Float>, _ kStride: Int, _ v: UnsafePointer<Float>, _ vStride: Int, count: Int,
        keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>
    ) {
        let (six, width) = (PanelKernel.rows, layout.headWidth)
        let padded = (count + six - 1) / six * six
        if padded > count { (keys + (padded - six) * width).update(repeating: 0, count: six * width) }
        for key in stride(from: 0, to: count, by: six) {
            PackedRows.interleave(
                k + key * kStride, stride: kStride, rows: min(six, count - key), count: width, into: keys + key * width)
        }
        for key in 0..<count {
            let source = v + key * vStride
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
