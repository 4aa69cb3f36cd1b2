/// How a product of some shape is cut for ``StrassenProduct``. It depends on the shape alone, because the bytes depend on it.
struct StrassenPlan: Sendable {
    static let scheme = StrassenScheme.twice
    private static let parts = scheme.parts

    /// Elements of the inner dimension that a product of blocks goes over.
    let step: Int
    /// Products over `parts * step` elements each that are added up.
    let chunks: Int

    /// nil where it would save nothing: sums of blocks are made once for all rows, and a step has to be long beside what follows
    /// it. Measured on two cores with AVX-512, a step of the published transformer: 0.91 of the time with 256 rows, 0.81
    /// with 2048; one level instead of two 0.94 with 256.
    init?(rows: Int, inner: Int, kernels: KernelClass) {
        // A step times 32 columns of weights is twice a first-level cache, which the kernels' prefetching makes up for.
        let (shortest, longest) = (192, 512)
        let chunks = (inner + Self.parts * longest - 1) / (Self.parts * longest)
        guard kernels == .vectors, rows >= 192, chunks > 0, inner % (Self.parts * chunks * 8) == 0 else { return nil }
        let step = inner / (Self.parts * chunks)
        guard step >= shortest else { return nil }
        self.chunks = chunks
        self.step = step
    }

    /// Cuts rows into blocks: panels of each of a block's parts. The sums of a block and a tile fit a second-level cache.
    static func blocks(rows: Int) -> [Int] {
        let group = parts * PanelKernel.rows
        let panels = (rows + group - 1) / group
        // A single block needs every sum of weights only once.
        let most = panels <= 24 ? 24 : 16
        return stride(from: 0, to: panels, by: most).map { min(most, panels - $0) }
    }

    /// Cuts the columns of each of `layers` results into tiles that get smaller towards the end, so that the threads finish at
    /// about the same time.
    /// - Parameter columnsTogether: Tiles begin and end at multiples of this many columns, or at the end.
    static func tiles(columns: Int, layers: Int, columnsTogether: Int) -> [Range<Int>] {
        let unit = max(1, parts / layers) * KernelClass.panelColumns
        let smallest = (unit + columnsTogether - 1) / columnsTogether * columnsTogether
        var tiles: [Range<Int>] = []
        var first = 0
        while first < columns {
            let left = (columns - first + smallest - 1) / smallest
            let end = min(columns, first + (left >= 8 ? 4 : 2) * smallest)
            tiles.append(first..<end)
            first = end
        }
        return tiles
    }
}
