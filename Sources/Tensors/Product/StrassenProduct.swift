/// `x · Wᵀ` by Strassen's algorithm, for one layer or several of the same shape with weights in bfloat16, on vectors.
///
/// For some rows at a time, the sums of blocks of `x` are made once for all outputs. The outputs are cut into tiles, one a task,
/// whose thread keeps its blocks of weights in bfloat16 and makes their sums when it needs them. Each product of sums is
/// computed into a few kilobytes and added where it belongs. Where the cuts lie depends on the shapes alone, and so do
/// the bytes; unlike those of ``BlockedProduct`` they depend, by rounding, on which rows are computed together.
struct StrassenProduct {
    /// Rows whose sums are in memory at one time, a multiple of any block's.
    private static let stageRows = 2304

    let layers: [Linear]
    let x: UnsafePointer<Float>
    let layout: PackedRows.Layout
    let plan: StrassenPlan
    let rows: Int

    /// Whether the weights are of the type it is made for.
    static func supports(_ layers: [Linear]) -> Bool { layers.allSatisfy { $0.weight.type == .bfloat16 } }

    /// - Parameters:
    ///   - columnsTogether: As ``Linear/product(_:_:rows:columnsTogether:on:finish:)`` has it; `finish` too.
    func run(columnsTogether: Int, on pool: ThreadPool, finish: (ProductBlock) -> Void) {
        let tiles = StrassenPlan.tiles(
            columns: layers[0].outputs, layers: layers.count, columnsTogether: columnsTogether)
        for first in stride(from: 0, to: rows, by: Self.stageRows) {
            let range = first..<min(rows, first + Self.stageRows)
            let inputs = StrassenInputs(x: x, layout: layout, plan: plan, rows: range)
            pool.withScratch(count: inputs.count) { sums in
                pool.forEach(inputs.tasks) { inputs.fill(sums, task: $0) }
                pool.forEach(tiles.count) { index in
                    let tile = StrassenTile(layers: layers, columns: tiles[index], inputs: inputs)
                    pool.withScratch(count: tile.scratchCount) { tile.compute(sums, scratch: $0, finish: finish) }
                }
            }
        }
    }
}
