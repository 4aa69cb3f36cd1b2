/// The sums of blocks of some rows of packed activations: `[blocks of rows, chunks, products, panels, step, 6]`.
struct StrassenInputs {
    let x: UnsafePointer<Float>
    let layout: PackedRows.Layout
    let plan: StrassenPlan
    let rows: Range<Int>
    /// Panels of each part of each block of rows.
    let blocks: [Int]

    private let parts = StrassenPlan.scheme.parts
    private let products = StrassenPlan.scheme.products

    init(x: UnsafePointer<Float>, layout: PackedRows.Layout, plan: StrassenPlan, rows: Range<Int>) {
        self.x = x
        self.layout = layout
        self.plan = plan
        self.rows = rows
        blocks = StrassenPlan.blocks(rows: rows.count)
    }

    /// Floats of a panel's step.
    var panelFloats: Int { PanelKernel.rows * plan.step }

    /// Floats of all sums.
    var count: Int { blocks.reduce(0, +) * plan.chunks * products.count * panelFloats }

    /// Where the sums of a block's chunk begin.
    func start(block: Int, chunk: Int) -> Int {
        (blocks[..<block].reduce(0, +) * plan.chunks + chunk * blocks[block]) * products.count * panelFloats
    }

    /// First row of a block.
    func firstRow(of block: Int) -> Int {
        rows.lowerBound + blocks[..<block].reduce(0, +) * parts * PanelKernel.rows
    }

    /// How often ``fill(_:task:)`` is to be called.
    var tasks: Int { blocks.reduce(0, +) * plan.chunks }

    /// Makes the sums of one panel of each part. Calls for different tasks may run at the same time.
    func fill(_ target: UnsafeMutablePointer<Float>, task: Int) {
        var (block, panel) = (0, task / plan.chunks)
        while panel >= blocks[block] {
            panel -= blocks[block]
            block += 1
        }
        fill(target, block: block, chunk: task % plan.chunks, panel: panel)
    }

    private func fill(_ target: UnsafeMutablePointer<Float>, block: Int, chunk: Int, panel: Int) {
        let (count, panels) = (panelFloats, blocks[block])
        let target = target + start(block: block, chunk: chunk) + panel * count
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: parts * parts) { operands in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: parts * parts * count) { padded in
                for part in 0..<parts {
                    let row = firstRow(of: block) + (part * panels + panel) * PanelKernel.rows
                    for column in 0..<parts {
                        let index = part * parts + column
                        let step = (column * plan.chunks + chunk) * plan.step
                        operands[index] = self.panel(row: row, step: step, padded: padded, at: index * count)
                    }
                }
                // In pieces, so that all operands stay in the first-level cache.
                let piece = 384
                products.withUnsafeBufferPointer { products in
                    for offset in stride(from: 0, to: count, by: piece) {
                        for index in products.indices {
                            BlockSums.add(
                                products[index].left, count: min(piece, count - offset),
                                into: target + index * panels * count + offset
                            ) { operands[$0 * parts + $1] + offset }
                        }
                    }
                }
            }
        }
    }

    /// A panel where it lies, or a copy of it with zeros behind the last row: what else is there must not change a bit.
    private func panel(
        row: Int, step: Int, padded: UnsafeMutableBufferPointer<Float>, at offset: Int
    ) -> UnsafePointer<Float> {
        let real = max(0, min(PanelKernel.rows, rows.upperBound - row))
        guard real < PanelKernel.rows, let copy = padded.baseAddress else {
            return x + layout.panel(row: row, step: step)
        }
        (copy + offset).update(repeating: 0, count: panelFloats)
        if real > 0 {
            let source = x + layout.panel(row: row, step: step)
            for index in stride(from: 0, to: panelFloats, by: PanelKernel.rows) {
                (copy + offset + index).update(from: source + index, count: real)
            }
        }
        return UnsafePointer(copy + offset)
    }
}
