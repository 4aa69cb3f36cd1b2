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
/// the tiles are cut (see ``KernelClass``), only on the length of the steps along the inner dimension, which is fixed.
enum BlockedProduct {
    /// Most floats of packed weights a thread keeps: 6 MB, which stay in the third-level cache.
    private static let tileFloats = 3 << 19

    static func run(
        _ layers: [Linear], _ x: UnsafePointer<Float>, layout: PackedRows.Layout, rows: Int, columnsTogether: Int = 1,
        on pool: ThreadPool, finish: (ProductBlock) -> Void
    ) {
        let (inputs, outputs, kernels) = (layers[0].inputs, layers[0].outputs, layout.kernels)
        precondition(layers.allSatisfy { $0.inputs == inputs && $0.outputs == outputs }, "layers of different shapes")
        precondition(layers.allSatisfy { $0.kernels == kernels }, "rows packed for another class of kernels")
        guard rows > 0, outputs > 0 else { return }
        // Few outputs are not worth the sums of the inputs.
        if let plan = layout.strassen, outputs * layers.count >= 512, StrassenProduct.supports(layers) {
            StrassenProduct(layers: layers, x: x, layout: layout, plan: plan, rows: rows)
                .run(columnsTogether: columnsTogether, on: pool, finish: finish)
            return
        }
        // Tiles consist of panels; what has to stay together makes the panels wider.
        let panelWidth = leastCommonMultiple(KernelClass.panelColumns, max(1, columnsTogether))
        let panels = (outputs + panelWidth - 1) / panelWidth
        let most = max(1, min(kernels.blockColumns, tileFloats / max(1, inputs)) / (panelWidth * layers.count))
        // Waking threads costs more than a small product does.
        let isSmall = rows * outputs * inputs * layers.count < 1 << 19
        let threads = isSmall ? 1 : pool.threadCount
        let tiles = tiles(panels: panels, most: most, threads: threads)
        let widest = (tiles.map(\.count).max() ?? 0) * panelWidth
        let blockRows = min(kernels.blockRows, (rows + kernels.panelRows - 1) / kernels.panelRows * kernels.panelRows)
        let job = Job(layers: layers, kernels: kernels, x: x, layout: layout, rows: rows, blockRows: blockRows)
        let scratchCount = job.scratchCount(columns: widest)
        withoutActuallyEscaping(finish) { finish in
            // The blocks are finished before this returns, and share nothing but what the caller vouches for.
            nonisolated(unsafe) let finish = finish
            let body: @Sendable (Int) -> Void = { tile in
                let first = tiles[tile].lowerBound * panelWidth
                let end = min(outputs, tiles[tile].upperBound * panelWidth)
                pool.withScratch(count: scratchCount) { scratch in
                    kernels.prepared { job.compute(first..<end, scratch: scratch, finish: finish) }
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
        let kernels: KernelClass
        let x: UnsafePointer<Float>
        let layout: PackedRows.Layout
        let rows: Int
        let blockRows: Int
        private let planes: Int
        /// The inner dimension, cut into stretches whose weights are packed at one time, and these into steps.
        private let stretches: [[Range<Int>]]
        /// Floats of a panel's packed weights.
        private let weightsCount: Int
        /// Rows whose sums wait at one time.
        private let sumRows: Int

        init(
            layers: [Linear], kernels: KernelClass, x: UnsafePointer<Float>, layout: PackedRows.Layout, rows: Int,
            blockRows: Int
        ) {
            func cut(_ range: Range<Int>, _ length: Int) -> [Range<Int>] {
                stride(from: range.lowerBound, to: range.upperBound, by: length).map {
                    $0..<min(range.upperBound, $0.addingReportingOverflow(length).partialValue)
                }
            }
            self.layers = layers
            self.kernels = kernels
            self.x = x
            self.layout = layout
            self.rows = rows
            self.blockRows = blockRows
            let planes = layers.reduce(1) { max($0, $1.weight.planes) }
            self.planes = planes
            stretches = cut(0..<layers[0].inputs, kernels.packedStretch).map { cut($0, layout.step) }
            weightsCount = stretches[0].reduce(0) { $0 + kernels.columnPanelFloats($1.count, planes: planes) }
            sumRows = stretches.count == 1 ? blockRows : (rows + blockRows - 1) / blockRows * blockRows
        }

        /// Floats that a tile of so many columns works with: packed weights, then sums.
        func scratchCount(columns: Int) -> Int {
            let panels = layers.count * ((columns + KernelClass.panelColumns - 1) / KernelClass.panelColumns)
            return panels * weightsCount + sumRows * panels * KernelClass.panelColumns
        }

        func compute(_ columns: Range<Int>, scratch: UnsafeMutablePointer<Float>, finish: (ProductBlock) -> Void) {
            let panels = (columns.count + KernelClass.panelColumns - 1) / KernelClass.panelColumns
            let width = panels * KernelClass.panelColumns
            let (inputs, together) = (layers[0].inputs, layers.count * panels)
            let sums = scratch + together * weightsCount
            let stride = layers.count * width
            for steps in stretches {
                // [steps][layers][panels]
                var packed = scratch
                for step in steps {
                    for layer in layers {
                        layer.weight.pack(
                            for: kernels, planes: planes, rows: columns, columns: step, width: inputs, into: packed)
                        packed += panels * kernels.columnPanelFloats(step.count, planes: planes)
                    }
                }
                for first in Swift.stride(from: 0, to: rows, by: blockRows) {
                    let count = min(blockRows, rows - first)
                    let block = stretches.count == 1 ? sums : sums + first * stride
                    var weights = UnsafePointer(scratch)
                    for step in steps {
                        kernels.multiply(
                            step.count, parts: layout.precision.parts, planes: planes,
                            x + layout.panel(row: first, step: step.lowerBound),
                            rowPanels: (count + kernels.panelRows - 1) / kernels.panelRows, weights,
                            columnPanels: together, into: block, stride: stride, accumulates: step.lowerBound > 0)
                        weights += together * kernels.columnPanelFloats(step.count, planes: planes)
                    }
                    guard steps.last?.upperBound == inputs else { continue }
                    finish(
                        ProductBlock(
                            values: block, stride: stride, rows: first..<(first + count), columns: columns,
                            layerStride: width))
                }
            }
        }
    }
}
