/// Some columns of the results of a ``StrassenProduct``, for all rows of its inputs: one thread's task.
struct StrassenTile {
    private typealias Products = UnsafeBufferPointer<StrassenScheme.Product>
    private let layers: [Linear]
    private let columns: Range<Int>
    private let inputs: StrassenInputs

    private let parts = StrassenPlan.scheme.parts
    /// Panels of columns of one layer.
    private let layerPanels: Int
    /// Panels of columns of a part; all parts together may be wider than the layers.
    private let partPanels: Int

    init(layers: [Linear], columns: Range<Int>, inputs: StrassenInputs) {
        self.layers = layers
        self.columns = columns
        self.inputs = inputs
        layerPanels = (columns.count + KernelClass.panelColumns - 1) / KernelClass.panelColumns
        partPanels = (layers.count * layerPanels + parts - 1) / parts
    }

    private var plan: StrassenPlan { inputs.plan }
    private var stride: Int { parts * partPanels * KernelClass.panelColumns }
    private var partWidth: Int { partPanels * KernelClass.panelColumns }
    /// Elements of a block of weights.
    private var blockCount: Int { partWidth * plan.step }
    /// Sums of weights that are kept: with one block of rows each is needed once.
    private var keptSums: Int { inputs.blocks.count == 1 ? 1 : StrassenPlan.scheme.products.count }
    /// Rows of a part of the largest block.
    private var partRows: Int { (inputs.blocks.max() ?? 0) * PanelKernel.rows }
    /// Rows of results that wait at one time: with one chunk, those of a block.
    private var resultRows: Int {
        parts * (plan.chunks == 1 ? partRows : inputs.blocks.reduce(0, +) * PanelKernel.rows)
    }
    /// Floats that the blocks of weights take, as bfloat16.
    private var weightsCount: Int { parts * parts * blockCount / 2 }

    /// Floats that ``compute(_:scratch:finish:)`` works with.
    var scratchCount: Int { weightsCount + keptSums * blockCount + resultRows * stride + partRows * partWidth }

    /// - Parameters:
    ///   - sums: Those of the inputs.
    ///   - finish: Called with blocks of rows that together are all of them.
    func compute(
        _ sums: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>, finish: (ProductBlock) -> Void
    ) {
        let weights = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UInt16.self)
        let summed = scratch + weightsCount
        let results = summed + keptSums * blockCount
        let product = results + resultRows * stride
        StrassenPlan.scheme.products.withUnsafeBufferPointer { products in
            for chunk in 0..<plan.chunks {
                pack(chunk: chunk, into: weights)
                for block in inputs.blocks.indices {
                    let first = inputs.firstRow(of: block)
                    let result = plan.chunks == 1 ? results : results + (first - inputs.rows.lowerBound) * stride
                    let rows = inputs.blocks[block] * PanelKernel.rows
                    if chunk == 0 { result.update(repeating: 0, count: parts * rows * stride) }
                    multiply(
                        products, block: block, sums + inputs.start(block: block, chunk: chunk), weights, summed,
                        product, into: result)
                    guard chunk == plan.chunks - 1 else { continue }
                    finish(
                        ProductBlock(
                            values: result, stride: stride,
                            rows: first..<min(inputs.rows.upperBound, first + parts * rows),
                            columns: columns, layerStride: layerPanels * KernelClass.panelColumns))
                }
            }
        }
    }

    /// The blocks of a chunk's weights: `[parts of the inner dimension, parts of the columns, panels, step, 16]`.
    private func pack(chunk: Int, into target: UnsafeMutablePointer<UInt16>) {
        for part in 0..<parts {
            let start = (part * plan.chunks + chunk) * plan.step
            var next = target + part * parts * blockCount
            for layer in layers {
                layer.weight.packHalves(
                    rows: columns, columns: start..<(start + plan.step), width: layer.inputs, into: next)
                next += layerPanels * KernelClass.panelColumns * plan.step
            }
            next.update(repeating: 0, count: target + (part + 1) * parts * blockCount - next)
        }
    }

    /// Adds a block's products over a chunk to its results.
    private func multiply(
        _ products: Products, block: Int, _ left: UnsafePointer<Float>, _ weights: UnsafePointer<UInt16>,
        _ summed: UnsafeMutablePointer<Float>, _ product: UnsafeMutablePointer<Float>,
        into result: UnsafeMutablePointer<Float>
    ) {
        let panels = inputs.blocks[block]
        let rows = panels * PanelKernel.rows
        for index in products.indices {
            let right = summed + (keptSums == 1 ? 0 : index * blockCount)
            if block == 0 {
                BlockSums.addHalves(products[index].right, count: blockCount, into: right) {
                    weights + ($0 * parts + $1) * blockCount
                }
            }
            KernelClass.vectors.multiply(
                plan.step, planes: 1, left + index * panels * inputs.panelFloats, rowPanels: panels, right,
                columnPanels: partPanels, into: product, stride: partWidth, accumulates: false)
            BlockSums.distribute(product, rows: rows, width: partWidth, to: products[index].result, stride: stride) {
                result + $0 * rows * stride + $1 * partWidth
            }
        }
    }
}
