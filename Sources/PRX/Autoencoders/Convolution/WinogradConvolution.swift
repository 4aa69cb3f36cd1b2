internal import Tensors

/// A 3x3 convolution with stride 1 and a border of zeros, by Winograd's F(4x4, 3x3).
///
/// The output is cut into blocks of about 48 tiles of 4x4 pixels, by the shape alone. A block is computed on one thread from
/// its pixels and a border of one; it depends on nothing else, so the bytes are the same with any number of threads and
/// wherever else the computation is cut. Normalisation, upsampling and what follows the sums happen in the block, while
/// it lies in the caches.
struct WinogradConvolution: Sendable {
    let filters: WinogradFilters

    /// Tiles of a block: enough to use each transformed filter 48 times when it comes from memory, few enough for
    /// the second-level cache (at 512 channels, 98 kB of inputs per product).
    private static let blockTiles = 48
    private static let blockTileRows = 6
    private static let blockTileColumns = 8

    /// Computes the output, or some rows of it.
    /// - Parameters:
    ///   - rows: Rows of the whole output, the first a multiple of 4.
    ///   - output: Those rows, `rows.count` of them. Its memory is not the input's.
    func callAsFunction(
        _ input: ConvolutionInput, rows: Range<Int>? = nil, into output: FeatureMap, finish: ConvolutionFinish = .store,
        on work: Workspace
    ) {
        _ = compute(input, rows: rows, into: output, finish: finish, measures: false, on: work)
    }

    /// Computes the output, or some rows of it, and their moments.
    func measuring(
        _ input: ConvolutionInput, rows: Range<Int>? = nil, into output: FeatureMap, finish: ConvolutionFinish = .store,
        on work: Workspace
    ) -> ChannelMoments {
        compute(input, rows: rows, into: output, finish: finish, measures: true, on: work)
    }

    private func compute(
        _ input: ConvolutionInput, rows: Range<Int>?, into output: FeatureMap, finish: ConvolutionFinish,
        measures: Bool, on work: Workspace
    ) -> ChannelMoments {
        let rows = rows ?? 0..<input.height
        precondition(rows.lowerBound % 4 == 0 && output.height == rows.count, "rows that no tile starts with")
        precondition(output.width == input.width && output.channels == filters.outputs, "the output does not fit")
        precondition(input.map.channels == filters.inputs, "the input does not fit")
        let grid = Grid(rows: rows.count, columns: output.width)
        let job = WinogradJob(
            filters: filters, input: input, firstRow: rows.lowerBound, output: output, finish: finish,
            tiles: grid.largestBlock)
        let parts = measures ? ChannelMomentParts(count: grid.count, channels: filters.outputs) : nil
        work.pool.parallelFor(grid.count) { index in
            work.withScratch(count: job.scratchCount) {
                job.compute(grid.block(index), scratch: $0, moments: parts, part: index)
            }
        }
        return parts?.merged ?? ChannelMoments(channels: filters.outputs)
    }

    /// How an output is cut into blocks.
    struct Grid: Sendable {
        private let tileRows: Int
        private let tileColumns: Int
        private let blockRows: Int
        private let blockColumns: Int

        init(rows: Int, columns: Int) {
            tileRows = (rows + 3) / 4
            tileColumns = (columns + 3) / 4
            var high = min(tileRows, blockTileRows)
            let wide = min(tileColumns, max(blockTileColumns, blockTiles / max(1, high)))
            high = min(tileRows, blockTiles / max(1, wide))
            blockRows = (tileRows + high - 1) / max(1, high)
            blockColumns = (tileColumns + wide - 1) / max(1, wide)
        }

        var count: Int { blockRows * blockColumns }

        /// Rows and columns of tiles in the largest block.
        var largestBlock: (rows: Int, columns: Int) {
            ((tileRows + blockRows - 1) / blockRows, (tileColumns + blockColumns - 1) / blockColumns)
        }

        /// The tiles of a block; blocks differ by one row and column at most.
        func block(_ index: Int) -> Block {
            let row = index / blockColumns
            let column = index % blockColumns
            return Block(
                rows: (row * tileRows / blockRows)..<((row + 1) * tileRows / blockRows),
                columns: (column * tileColumns / blockColumns)..<((column + 1) * tileColumns / blockColumns))
        }
    }

    /// Rows and columns of tiles.
    struct Block: Sendable {
        let rows: Range<Int>
        let columns: Range<Int>
        var tileCount: Int { rows.count * columns.count }
    }
}
