internal import Tensors

/// One Winograd convolution over one map; computes any of its blocks.
///
/// A block goes through: its pixels, normalised, into a patch; the patch's tiles transformed, `[products, tiles, in]`; one
/// matrix product each, `[products, tiles, out]`; those transformed back to pixels; the pixels finished into the map.
struct WinogradJob: Sendable {
    let filters: WinogradFilters
    let input: ConvolutionInput
    /// The output row that is the first of `output`.
    let firstRow: Int
    let output: FeatureMap
    let finish: ConvolutionFinish
    /// Channels in and out, rounded up to whole vectors; padding channels are zeros.
    private let paddedInputs: Int
    private let paddedOutputs: Int
    /// Floats from one product's tiles to the next one's. A cache line is left between them, or all products' lines would
    /// compete for the same few places of the caches.
    private let inputStride: Int
    private let outputStride: Int
    private let patchCount: Int
    private let productCount: Int

    init(
        filters: WinogradFilters, input: ConvolutionInput, firstRow: Int, output: FeatureMap, finish: ConvolutionFinish,
        tiles: (rows: Int, columns: Int)
    ) {
        self.filters = filters
        self.input = input
        self.firstRow = firstRow
        self.output = output
        self.finish = finish
        paddedInputs = roundedUp(filters.inputs, to: 8)
        paddedOutputs = filters.panels * StridedProduct.panelWidth
        let tileCount = roundedUp(tiles.rows * tiles.columns, to: filters.product.rowGroup)
        productCount = filters.product.scratchCount(rows: tileCount)
        inputStride = tileCount * paddedInputs + 16
        outputStride = tileCount * paddedOutputs + 16
        let step = input.isDoubled ? 2 : 4
        // The patch is done with when the pixels are staged in its place.
        let patch = (tiles.rows * step + 2) * (tiles.columns * step + 2) * paddedInputs
        patchCount = roundedUp(max(patch, tiles.rows * tiles.columns * 16 * paddedOutputs), to: 16)
    }

    private var lanesCount: Int { 36 * 8 }

    /// Floats of scratch memory that a block takes.
    var scratchCount: Int {
        lanesCount + patchCount + filters.productCount * (inputStride + outputStride) + productCount
    }

    /// Computes a block.
    func compute(
        _ block: WinogradConvolution.Block, scratch: UnsafeMutablePointer<Float>, moments: ChannelMomentParts?,
        part: Int
    ) {
        let lanes = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Lanes.self)
        let patch = scratch + lanesCount
        let inputs = patch + patchCount
        let outputs = inputs + filters.productCount * inputStride
        fillPatch(patch, block)
        if input.isDoubled {
            transformDoubledInput(patch, block, into: inputs, lanes)
        } else {
            transformInput(patch, block, into: inputs, lanes)
        }
        let tiles = roundedUp(block.tileCount, to: filters.product.rowGroup)
        filters.product.prepared {
            for product in 0..<filters.productCount {
                let a = inputs + product * inputStride
                // Rows that only fill up the last group: zeros, so that they cost nothing unusual.
                (a + block.tileCount * paddedInputs)
                    .update(repeating: 0, count: (tiles - block.tileCount) * paddedInputs)
                filters.product.multiply(
                    rows: tiles, panels: filters.panels, a: a, aStride: paddedInputs,
                    b: filters.panels(ofProduct: product), c: outputs + product * outputStride,
                    cStride: paddedOutputs, scratch: outputs + filters.productCount * outputStride)
            }
        }
        transformOutput(outputs, block, into: patch, lanes)
        // The products are done with, too.
        write(patch, block, moments: moments, part: part, scratch: outputs)
    }

    /// The block's pixels and their border, normalised; zeros outside of the map.
    private func fillPatch(_ patch: UnsafeMutablePointer<Float>, _ block: WinogradConvolution.Block) {
        let step = input.isDoubled ? 2 : 4
        let origin = (input.isDoubled ? firstRow / 2 : firstRow) - 1
        let width = block.columns.count * step + 2
        let left = block.columns.lowerBound * step - 1
        let columns = max(0, left)..<max(0, min(input.map.width, left + width))
        let map = input.map
        for row in 0..<(block.rows.count * step + 2) {
            let target = patch + row * width * paddedInputs
            let y = origin + block.rows.lowerBound * step + row
            guard y >= 0, y < map.height, !columns.isEmpty else {
                target.update(repeating: 0, count: width * paddedInputs)
                continue
            }
            target.update(repeating: 0, count: (columns.lowerBound - left) * paddedInputs)
            let end = columns.upperBound - left
            (target + end * paddedInputs).update(repeating: 0, count: (width - end) * paddedInputs)
            let inside = target + (columns.lowerBound - left) * paddedInputs
            let source = input.row(y) + columns.lowerBound * map.pixelStride
            copy(source, pixels: columns.count, to: inside)
        }
    }

    private func copy(_ source: UnsafePointer<Float>, pixels: Int, to target: UnsafeMutablePointer<Float>) {
        let map = input.map
        if map.channels < paddedInputs { target.update(repeating: 0, count: pixels * paddedInputs) }
        if let normalization = input.normalization {
            normalization.apply(
                source, stride: map.pixelStride, channels: map.channels, pixels: pixels, activates: true, into: target,
                targetStride: paddedInputs)
        } else {
            for pixel in 0..<pixels {
                (target + pixel * paddedInputs).update(from: source + pixel * map.pixelStride, count: map.channels)
            }
        }
    }

    /// The staged pixels, `[rows, columns, paddedOutputs]`, into the map: what lies inside it, finished.
    private func write(
        _ staged: UnsafeMutablePointer<Float>, _ block: WinogradConvolution.Block, moments parts: ChannelMomentParts?,
        part: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let width = 4 * block.columns.count
        let x = 4 * block.columns.lowerBound
        let pixels = min(width, output.width - x)
        var moments = ChannelMoments(channels: parts == nil ? 0 : filters.outputs)
        for row in 0..<(4 * block.rows.count) {
            let y = 4 * block.rows.lowerBound + row
            guard y < output.height else { break }
            let source = staged + row * width * paddedOutputs
            let target = output.pointer + y * output.rowStride + x * output.pixelStride
            finish(source, pixels: pixels, y: y, x: x, into: target)
            if parts != nil { moments.add(target, pixels: pixels, stride: output.pixelStride, scratch: scratch) }
        }
        parts?[part] = moments
    }

    private func finish(
        _ source: UnsafeMutablePointer<Float>, pixels: Int, y: Int, x: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let channels = filters.outputs
        switch finish {
        case .silu:
            for pixel in 0..<pixels {
                let to = target + pixel * output.pixelStride
                to.update(from: source + pixel * paddedOutputs, count: channels)
                Lanes.applySiLU(to, count: channels)
            }
        case .store:
            for pixel in 0..<pixels {
                (target + pixel * output.pixelStride).update(from: source + pixel * paddedOutputs, count: channels)
            }
        case .add(let other):
            let base = other.pointer + y * other.rowStride + x * other.pixelStride
            for pixel in 0..<pixels {
                let from = source + pixel * paddedOutputs
                let added = base + pixel * other.pixelStride
                let to = target + pixel * output.pixelStride
                for channel in 0..<channels { to[channel] = from[channel] + added[channel] }
            }
        case .normalizeAndAdd(let norm, let other):
            norm.apply(
                source, stride: paddedOutputs, pixels: pixels,
                adding: UnsafePointer(other.pointer + y * other.rowStride + x * other.pixelStride),
                residualStride: other.pixelStride, into: target, targetStride: output.pixelStride)
        }
    }
}

// MARK: Transforms of a block

extension WinogradJob {
    private func transformInput(
        _ patch: UnsafePointer<Float>, _ block: WinogradConvolution.Block, into inputs: UnsafeMutablePointer<Float>,
        _ lanes: UnsafeMutablePointer<Lanes>
    ) {
        let transform = filters.transform
        let width = (block.columns.count * 4 + 2) * paddedInputs
        for tile in 0..<block.tileCount {
            let corner = patch + tile / block.columns.count * 4 * width + tile % block.columns.count * 4 * paddedInputs
            for channel in stride(from: 0, to: paddedInputs, by: 8) {
                for x in 0..<6 {
                    let from = corner + x * paddedInputs + channel
                    let v = transform.input(
                        Lanes(at: from), Lanes(at: from + width), Lanes(at: from + 2 * width),
                        Lanes(at: from + 3 * width), Lanes(at: from + 4 * width), Lanes(at: from + 5 * width))
                    lanes[x] = v.0
                    lanes[6 + x] = v.1
                    lanes[12 + x] = v.2
                    lanes[18 + x] = v.3
                    lanes[24 + x] = v.4
                    lanes[30 + x] = v.5
                }
                var to = inputs + tile * paddedInputs + channel
                for i in 0..<6 {
                    let row = lanes + 6 * i
                    let v = transform.input(row[0], row[1], row[2], row[3], row[4], row[5])
                    v.0.write(to: to)
                    v.1.write(to: to + inputStride)
                    v.2.write(to: to + 2 * inputStride)
                    v.3.write(to: to + 3 * inputStride)
                    v.4.write(to: to + 4 * inputStride)
                    v.5.write(to: to + 5 * inputStride)
                    to += 6 * inputStride
                }
            }
        }
    }

    private func transformDoubledInput(
        _ patch: UnsafePointer<Float>, _ block: WinogradConvolution.Block, into inputs: UnsafeMutablePointer<Float>,
        _ lanes: UnsafeMutablePointer<Lanes>
    ) {
        let transform = filters.transform
        let width = (block.columns.count * 2 + 2) * paddedInputs
        for tile in 0..<block.tileCount {
            let corner = patch + tile / block.columns.count * 2 * width + tile % block.columns.count * 2 * paddedInputs
            for channel in stride(from: 0, to: paddedInputs, by: 8) {
                for x in 0..<4 {
                    let from = corner + x * paddedInputs + channel
                    let v = transform.doubledInput(
                        Lanes(at: from), Lanes(at: from + width), Lanes(at: from + 2 * width),
                        Lanes(at: from + 3 * width))
                    lanes[x] = v.0
                    lanes[4 + x] = v.1
                    lanes[8 + x] = v.2
                    lanes[12 + x] = v.3
                    lanes[16 + x] = v.4
                }
                var to = inputs + tile * paddedInputs + channel
                for i in 0..<5 {
                    let row = lanes + 4 * i
                    let v = transform.doubledInput(row[0], row[1], row[2], row[3])
                    v.0.write(to: to)
                    v.1.write(to: to + inputStride)
                    v.2.write(to: to + 2 * inputStride)
                    v.3.write(to: to + 3 * inputStride)
                    v.4.write(to: to + 4 * inputStride)
                    to += 5 * inputStride
                }
            }
        }
    }

    /// The products back to pixels, the bias added: `[rows, columns, paddedOutputs]`.
    private func transformOutput(
        _ outputs: UnsafePointer<Float>, _ block: WinogradConvolution.Block, into staged: UnsafeMutablePointer<Float>,
        _ lanes: UnsafeMutablePointer<Lanes>
    ) {
        let transform = filters.transform
        let width = block.columns.count * 4 * paddedOutputs
        let side = input.isDoubled ? 5 : 6
        let step = side * outputStride
        // Without the products of the point −1 the others move up; its place is taken by zeros.
        let second = input.isDoubled ? 1 : 2
        for tile in 0..<block.tileCount {
            let corner =
                staged + tile / block.columns.count * 4 * width + tile % block.columns.count * 4 * paddedOutputs
            for channel in stride(from: 0, to: paddedOutputs, by: 8) {
                let base = outputs + tile * paddedOutputs + channel
                for x in 0..<side {
                    let from = base + x * outputStride
                    let missing = input.isDoubled ? Lanes() : Lanes(at: from + 2 * step)
                    let next = from + (second + 1) * step
                    let y = transform.output(
                        Lanes(at: from), Lanes(at: from + step), missing, Lanes(at: next), Lanes(at: next + step),
                        Lanes(at: next + 2 * step))
                    lanes[x] = y.0
                    lanes[6 + x] = y.1
                    lanes[12 + x] = y.2
                    lanes[18 + x] = y.3
                }
                let bias = Lanes(at: filters.bias.pointer + channel)
                for i in 0..<4 {
                    let row = lanes + 6 * i
                    let missing = input.isDoubled ? Lanes() : row[2]
                    let y = transform.output(row[0], row[1], missing, row[second + 1], row[second + 2], row[second + 3])
                    let to = corner + i * width + channel
                    (y.0 + bias).write(to: to)
                    (y.1 + bias).write(to: to + paddedOutputs)
                    (y.2 + bias).write(to: to + 2 * paddedOutputs)
                    (y.3 + bias).write(to: to + 3 * paddedOutputs)
                }
            }
        }
    }
}
