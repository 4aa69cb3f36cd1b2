internal import Tensors

/// The attention of a middle block: pixels are tokens, one head as wide as there are channels, biases everywhere, the input
/// added. Scores exist for a tile of tokens at a time. Port of diffusers `attention_processor.py` as `UNetMidBlock2D` uses it.
struct KLAttention: Sendable {
    private let norm: GroupNorm
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let out: Linear

    /// - Parameter names: What the linear maps are called in this checkpoint.
    init(_ name: String, _ weights: AutoencoderWeights, groups: Int, names: [String]) throws {
        norm = try weights.groupNorm(name + ".group_norm", groups: groups)
        let maps = try names.map { part in
            Linear(
                weight: try weights.tensor("\(name).\(part).weight"),
                bias: try weights.tensor("\(name).\(part).bias").floats())
        }
        (query, key, value, out) = (maps[0], maps[1], maps[2], maps[3])
    }

    /// Adds the attention's output to the features.
    func callAsFunction(_ features: inout KLFeatures, on work: Workspace) {
        let map = features.map
        let channels = map.channels
        let tokens = map.pixelCount
        let normalization = norm.affine(features.moments)
        let normal = FeatureMap(height: map.height, width: map.width, channels: channels)
        map.forEachRun(on: work) { first, pixels in
            normalization.apply(
                map.pointer + first * map.pixelStride, stride: map.pixelStride, channels: channels, pixels: pixels,
                activates: false, into: normal.pointer + first * channels, targetStride: channels)
        }
        let (q, k, v) = (
            FeatureStorage(count: tokens * channels), FeatureStorage(count: tokens * channels),
            FeatureStorage(count: tokens * channels)
        )
        for (layer, target) in [(query, q), (key, k), (value, v)] {
            layer(normal.pointer, rows: tokens, into: target.pointer, on: work.pool)
        }
        let attention = Attention(
            heads: 1, keyHeads: 1, headWidth: channels, scale: Float(1 / Double(channels).squareRoot()))
        attention(
            q: q.pointer, qStride: channels, queries: tokens, k: k.pointer, kStride: channels, v: v.pointer,
            vStride: channels, keyCount: tokens, out: normal.pointer, on: work.pool)
        out(normal.pointer, rows: tokens, into: q.pointer, on: work.pool)
        map.forEachRun(on: work) { first, pixels in
            for pixel in first..<(first + pixels) {
                let target = map.pointer + pixel * map.pixelStride
                let source = q.pointer + pixel * channels
                for channel in 0..<channels { target[channel] += source[channel] }
            }
        }
        features.moments = ChannelMoments.measure(map, on: work)
    }
}
