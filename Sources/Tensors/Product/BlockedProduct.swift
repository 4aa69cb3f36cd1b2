/// A piece of a product's result, still in the caches of the thread that computed it.
public struct ProductBlock {
    /// Row-major; `stride` floats from row to row. May be changed.
    public let values: UnsafeMutablePointer<Float>
    /// Floats from one row to the next.
    public let stride: Int
    /// Rows of the result it holds, the first a multiple of ``PackedRows/panelRows``.
    public let rows: Range<Int>
    /// Columns of every layer's result.
    public let columns: Range<Int>
    /// Floats from a layer's columns to the next layer's: layer `i` begins at `values + i * layerStride`.
    public let layerStride: Int

    /// `first = gelu(first) · second`, of the results of two layers, as ``Kernels/geluGate(_:_:count:)``.
    public func gateByGELU() {
        for row in 0..<rows.count {
            let gate = values + row * stride
            Kernels.geluGate(gate, gate + layerStride, count: columns.count)
        }
    }
}

/// `x · Wᵀ` for one layer or several of the same shape, over weights in their stored type.
///
/// The outputs are cut into tiles, one a task. Its thread converts and packs the tile's weights once, then goes through the
/// rows in blocks whose inputs, weights and sums fit the second-level cache, and hands each finished block on, so that what
/// follows a product (a bias, a gate, an activation) costs no trip to memory. An element's bytes do not depend on how
/// the tiles are cut (see ``PanelKernel``), only on the length of the steps along the inner dimension, which is fixed.
enum BlockedProduct {
    /// Steps along the inner dimension: 16 columns of weights are half of a first-level cache.
    static let innerBlock = 256
    /// Rows of a block.
    static let rowBlock = 144
    /// Most floats of packed weights a thread keeps: 6 MB, which stay in the third-level cache.
    private static let tileFloats = 3 << 19
    /// Most columns of a block. Its sums (74 kB), its inputs of a step (147 kB) and a step's weights (131 kB) then fit a
    /// second-level cache of 512 kB, and tiles are small enough that a thread seldom waits long for the last one.
    private static let tileColumns = 128

    static func run(
        _ layers: [Linear], _ x: UnsafePointer<Float>, layout: PackedRows.Layout, rows: Int, columnsTogether: Int = 1,
        on pool: ThreadPool, finish: (ProductBlock) -> Void
    ) {
        let (inputs, outputs) = (layers[0].inputs, layers[0].outputs)
        precondition(layers.allSatisfy { $0.inputs == inputs && $0.outputs == outputs }, "layers of different shapes")
        guard rows > 0, outputs > 0 else { return }
        // Tiles consist of panels; what has to stay together makes the panels wider.
        let panelWidth = leastCommonMultiple(PanelKernel.columns, max(1, columnsTogether))
        let panels = (outputs + panelWidth - 1) / panelWidth
        let most = max(1, min(tileColumns, tileFloats / max(1, inputs)) / (panelWidth * layers.count))
        // Waking threads costs more than a small product does.
        let isSmall = rows * outputs * inputs * layers.count < 1 << 19
        let threads = isSmall ? 1 : pool.threadCount
        let tiles = tiles(panels: panels, most: most, threads: threads)
        let widest = (tiles.map(\.count).max() ?? 0) * panelWidth
        let blockRows = min(rowBlock, (rows + PanelKernel.rows - 1) / PanelKernel.rows * PanelKernel.rows)
        let weightsCount = layers.count * widest * inputs
        let job = Job(
            layers: layers, x: x, layout: layout, rows: rows, widest: widest, blockRows: blockRows,
            weightsCount: weightsCount)
        withoutActuallyEscaping(finish) { finish in
            // The blocks are finished before this returns, and share nothing but what the caller vouches for.
            nonisolated(unsafe) let finish = finish
            let body: @Sendable (Int) -> Void = { tile in
                let first = tiles[tile].lowerBound * panelWidth
                let end = min(outputs, tiles[tile].upperBound * panelWidth)
                pool.withScratch(count: weightsCount + layers.count * blockRows * widest) { scratch in
                    job.compute(first..<end, scratch: scratch, finish: finish)
                }
            }
            if isSmall {
                for tile in tiles.indices { body(tile) }
            } else {
                pool.parallelFor(tiles.count, body)
            }
        }
    }

    /// Cuts panels into tiles that get smaller towards the end, so that the threads finish at about the same time: each takes
    /// half of an even share of what is left (Polychronopoulos and Kuck, "Guided Self-Scheduling", 1987).
    private static func tiles(panels: Int, most: Int, threads: Int) -> [Range<Int>] {
        var tiles: [Range<Int>] = []
        var first = 0
        while first < panels {
            let share = (panels - first + 2 * threads - 1) / (2 * threads)
            let end = min(panels, first + (threads == 1 ? most : min(most, share)))
            tiles.append(first..<end)
            first = end
        }
        return tiles
    }

    private static func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
        var (x, y) = (a, b)
        while y != 0 { (x, y) = (y, x % y) }
        return a / x * b
    }

    private struct Job: @unchecked Sendable {
        let layers: [Linear]
        let x: UnsafePointer<Float>
        let layout: PackedRows.Layout
        let rows: Int
        let widest: Int
        let blockRows: Int
        let weightsCount: Int

        func compute(_ columns: Range<Int>, scratch: UnsafeMutablePointer<Float>, finish: (ProductBlock) -> Void) {
            let inputs = layers[0].inputs
            let (six, sixteen) = (PanelKernel.rows, PanelKernel.columns)
            let panels = (columns.count + sixteen - 1) / sixteen
            let width = panels * sixteen
            // [inner blocks][layers][panels][step, 16]
            var packed = scratch
            for start in stride(from: 0, to: inputs, by: innerBlock) {
                let step = min(innerBlock, inputs - start)
                for layer in layers {
                    layer.weight.packPanels(
                        rows: columns, columns: start..<(start + step), width: inputs, into: packed)
                    packed += width * step
                }
            }
            let sums = scratch + weightsCount
            let stride = layers.count * width
            for first in Swift.stride(from: 0, to: rows, by: blockRows) {
                let count = min(blockRows, rows - first)
                let groups = (count + six - 1) / six
                var weights = UnsafePointer(scratch)
                for start in Swift.stride(from: 0, to: inputs, by: innerBlock) {
                    let step = min(innerBlock, inputs - start)
                    let block = x + layout.panel(row: first, step: start)
                    // A panel's share of fetching the next panel, so that it has come when it is needed.
                    let share = (step + groups - 1) / groups
                    for panel in 0..<(layers.count * panels) {
                        for group in 0..<groups {
                            PanelKernel.multiply(
                                step, block + group * six * step, weights,
                                into: sums + group * six * stride + panel * sixteen, stride: stride,
                                accumulates: start > 0, next: weights + sixteen * (step + group * share),
                                nextLines: share)
                        }
                        weights += sixteen * step
                    }
                }
                finish(
                    ProductBlock(
                        values: sums, stride: stride, rows: first..<(first + count), columns: columns,
                        layerStride: width))
            }
        }
    }
}
