internal import Tensors

/// `SanaMultiscaleLinearAttention`: linear attention over pixels at several scales, normalised over channels; the input is
/// added. Port of diffusers `attention_processor.py`.
///
/// The channels of query, key, value and of their scales are stacked and then cut into groups of three heads, whatever border
/// they cross; in each group the first head is the query, the second the key, the third the value. Upstream has a second path
/// for maps of few pixels, which computes the same function in another order; one order serves both here.
struct DCAttention: Sendable {
    private static let epsilon: Float = 1e-15
    private static let tokensPerPart = 256

    private let headWidth: Int
    private let inputs: [PointwiseConvolution]
    private let scales: [(DepthwiseConvolution, GroupedPointwiseConvolution)]
    private let out: PointwiseConvolution
    private let norm: ChannelRMSNorm

    init(_ name: String, _ weights: AutoencoderWeights, scales count: Int, headWidth: Int) throws {
        self.headWidth = headWidth
        inputs = try ["to_q", "to_k", "to_v"].map { PointwiseConvolution(try weights.convolution("\(name).\($0)")) }
        scales = try (0..<count).map { index in
            let scale = "\(name).to_qkv_multiscale.\(index)"
            return (
                DepthwiseConvolution(try weights.convolution(scale + ".proj_in")),
                GroupedPointwiseConvolution(try weights.convolution(scale + ".proj_out"))
            )
        }
        out = PointwiseConvolution(try weights.convolution(name + ".to_out"))
        norm = try weights.channelNorm(name + ".norm_out")
    }

    func callAsFunction(_ map: FeatureMap, on work: Workspace) {
        let (height, width, channels) = (map.height, map.width, map.channels)
        let stack = FeatureMap(height: height, width: width, channels: 3 * channels * (1 + scales.count))
        for (index, input) in inputs.enumerated() {
            input(map, into: stack.slice(index * channels, channels), on: work)
        }
        if !scales.isEmpty {
            let local = FeatureMap(height: height, width: width, channels: 3 * channels)
            for (index, (depthwise, grouped)) in scales.enumerated() {
                depthwise(stack.slice(0, 3 * channels), into: local, on: work)
                grouped(local, into: stack.slice((index + 1) * 3 * channels, 3 * channels), on: work)
            }
        }
        let attended = FeatureMap(height: height, width: width, channels: channels * (1 + scales.count))
        attend(stack, into: attended, sums: sums(stack, on: work), on: work)
        let result = FeatureMap(height: height, width: width, channels: channels)
        out(attended, into: result, on: work)
        norm.apply(result, adding: map, into: map, on: work)
    }

    /// Floats of one group's sums: keys times values `[d, d]`, then keys `[d]`.
    private var sumCount: Int { headWidth * (headWidth + 1) }

    /// For every group, the sum over all pixels of `relu(k) vᵀ` and of `relu(k)`: `[groups, sumCount]`.
    ///
    /// Parts of 256 pixels are summed in float32, the parts in double precision, in their order.
    private func sums(_ stack: FeatureMap, on work: Workspace) -> FloatBuffer {
        let groups = stack.channels / (3 * headWidth)
        let parts = (stack.pixelCount + Self.tokensPerPart - 1) / Self.tokensPerPart
        let partial = FeatureStorage(count: parts * groups * sumCount)
        work.pool.parallelFor(parts * groups) { index in
            let (part, group) = (index / groups, index % groups)
            let first = part * Self.tokensPerPart
            sum(
                stack.pointer + first * stack.pixelStride + group * 3 * headWidth, stride: stack.pixelStride,
                count: min(Self.tokensPerPart, stack.pixelCount - first), into: partial.pointer + index * sumCount)
        }
        let total = FloatBuffer(count: groups * sumCount)
        for element in 0..<total.count {
            var sum = 0.0
            for part in 0..<parts { sum += Double(partial.pointer[part * total.count + element]) }
            total.pointer[element] = Float(sum)
        }
        return total
    }

    private func sum(
        _ group: UnsafePointer<Float>, stride pixelStride: Int, count: Int, into sums: UnsafeMutablePointer<Float>
    ) {
        let width = headWidth
        sums.update(repeating: 0, count: sumCount)
        let keySums = sums + width * width
        for token in 0..<count {
            let keys = group + token * pixelStride + width
            let values = keys + width
            for row in 0..<width where keys[row] > 0 {
                let key = keys[row]
                let target = sums + row * width
                for column in stride(from: 0, to: width, by: 8) {
                    Lanes(at: values + column).times(key, plus: Lanes(at: target + column)).write(to: target + column)
                }
                keySums[row] += key
            }
        }
    }

    /// `(Σ relu(k) vᵀ)ᵀ relu(q) / (Σ relu(k) · relu(q) + 1e-15)` for every pixel and group.
    private func attend(_ stack: FeatureMap, into output: FeatureMap, sums: FloatBuffer, on work: Workspace) {
        let width = headWidth
        let groups = stack.channels / (3 * width)
        stack.forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                for group in 0..<groups {
                    let queries = stack.pointer + pixel * stack.pixelStride + group * 3 * width
                    let sum = sums.pointer + group * sumCount
                    let target = output.pointer + pixel * output.pixelStride + group * width
                    var weight = Self.epsilon
                    for row in 0..<width { weight += max(queries[row], 0) * sum[width * width + row] }
                    for column in stride(from: 0, to: width, by: 8) {
                        var value = Lanes()
                        for row in 0..<width {
                            value = Lanes(at: sum + row * width + column).times(max(queries[row], 0), plus: value)
                        }
                        (value / weight).write(to: target + column)
                    }
                }
            }
        }
    }
}
