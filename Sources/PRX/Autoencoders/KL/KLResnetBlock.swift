internal import Tensors

/// A map on its way through the levels of an ``AutoencoderKL``.
struct KLFeatures {
    /// What the last layer made.
    var map: FeatureMap
    /// Its moments, for the next group normalisation.
    var moments: ChannelMoments
    /// Memory of a map like it, for the inside of ResNets.
    var spare: FeatureMap?

    init(map: FeatureMap, moments: ChannelMoments) {
        self.map = map
        self.moments = moments
    }
}

/// `ResnetBlock2D` without a time embedding: twice group normalisation, SiLU, 3x3 convolution; the input is added, through a
/// 1x1 convolution where the number of channels changes. Port of diffusers `resnet.py`.
struct KLResnetBlock: Sendable {
    private let norm1: GroupNorm
    private let conv1: ConvolutionWeights
    private let norm2: GroupNorm
    private let conv2: ConvolutionWeights
    private let shortcut: PointwiseConvolution?

    init(_ name: String, _ weights: AutoencoderWeights, groups: Int) throws {
        norm1 = try weights.groupNorm(name + ".norm1", groups: groups)
        conv1 = try weights.convolution(name + ".conv1")
        norm2 = try weights.groupNorm(name + ".norm2", groups: groups)
        conv2 = try weights.convolution(name + ".conv2")
        shortcut =
            conv1.inputs == conv1.outputs ? nil : PointwiseConvolution(try weights.convolution(name + ".conv_shortcut"))
    }

    /// Replaces the features by the block's output.
    func callAsFunction(_ features: inout KLFeatures, on work: Workspace) {
        let normalization = norm1.affine(features.moments)
        let filters = WinogradFilters(conv1, isDoubled: false, on: work)
        let hidden: FeatureMap
        let hiddenMoments: ChannelMoments
        if let shortcut {
            (features.map, hidden, hiddenMoments) = change(
                features.map, normalization, filters, shortcut, on: work)
        } else {
            hidden =
                features.spare
                ?? FeatureMap(height: features.map.height, width: features.map.width, channels: conv1.outputs)
            hiddenMoments = WinogradConvolution(filters: filters).measuring(
                ConvolutionInput(features.map, normalization: normalization), into: hidden, on: work)
        }
        features.moments = WinogradConvolution(filters: WinogradFilters(conv2, isDoubled: false, on: work)).measuring(
            ConvolutionInput(hidden, normalization: norm2.affine(hiddenMoments)), into: features.map,
            finish: .add(features.map), on: work)
        features.spare = hidden
    }

    /// The shortcut's output and the first convolution's.
    ///
    /// Both read the input. A large one with room for both gives its memory to them: strip by strip, the two outputs are
    /// computed beside it and then written over the rows they came from, of which the last is kept for the next strip. At
    /// 1024x1024 this saves 1 GiB.
    private func change(
        _ map: FeatureMap, _ normalization: ChannelAffine, _ filters: WinogradFilters, _ shortcut: PointwiseConvolution,
        on work: Workspace
    ) -> (FeatureMap, FeatureMap, ChannelMoments) {
        let outputs = conv1.outputs
        let convolution = WinogradConvolution(filters: filters)
        var input = ConvolutionInput(map, normalization: normalization)
        guard map.isDense, 2 * outputs <= map.channels, map.pixelCount * map.channels >= work.largeMap else {
            let added = FeatureMap(height: map.height, width: map.width, channels: outputs)
            let hidden = FeatureMap(height: map.height, width: map.width, channels: outputs)
            shortcut(map, into: added, on: work)
            return (added, hidden, convolution.measuring(input, into: hidden, on: work))
        }
        let (added, hidden) = (map.slice(0, outputs), map.slice(outputs, outputs))
        var moments = ChannelMoments(channels: outputs)
        let strip = min(map.height, 24 * max(1, 1024 / map.width))
        let addedStrip = FeatureMap(height: strip, width: map.width, channels: outputs)
        let hiddenStrip = FeatureMap(height: strip, width: map.width, channels: outputs)
        let kept = FeatureMap(height: 1, width: map.width, channels: map.channels)
        for first in stride(from: 0, to: map.height, by: strip) {
            let count = min(strip, map.height - first)
            if first > 0 { input.replacedRow = (first - 1, kept) }
            moments.merge(
                convolution.measuring(input, rows: first..<(first + count), into: hiddenStrip.rows(0, count), on: work))
            shortcut(map.rows(first, count), into: addedStrip.rows(0, count), on: work)
            kept.copy(map.rows(first + count - 1, 1), on: work)
            added.rows(first, count).copy(addedStrip.rows(0, count), on: work)
            hidden.rows(first, count).copy(hiddenStrip.rows(0, count), on: work)
        }
        return (added, hidden, moments)
    }
}
