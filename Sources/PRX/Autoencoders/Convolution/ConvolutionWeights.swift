internal import Tensors

/// The weight `[out, in / groups, rows, columns]` of a convolution, mapped in its stored type, and its bias `[out]`.
struct ConvolutionWeights: Sendable {
    let weight: StoredTensor
    let bias: FloatBuffer?

    init(weight: StoredTensor, bias: StoredTensor?) {
        precondition(weight.shape.count == 4 || weight.shape.count == 2, "\(weight.name) is no convolution's weight")
        precondition(bias == nil || bias?.shape == [weight.shape[0]], "\(weight.name): the bias does not fit")
        self.weight = weight
        self.bias = bias?.floats()
    }

    var outputs: Int { weight.shape[0] }
    /// Channels in, of one group.
    var inputs: Int { weight.shape[1] }
    /// Rows and columns of the filter.
    var rows: Int { weight.shape.count == 4 ? weight.shape[2] : 1 }
    var columns: Int { weight.shape.count == 4 ? weight.shape[3] : 1 }
}

/// What a convolution reads.
struct ConvolutionInput: Sendable {
    /// The pixels.
    let map: FeatureMap
    /// If given, the convolution sees `silu(x · factor + term)`; the padding around the map stays 0.
    var normalization: ChannelAffine?
    /// If given, the convolution sees every row and column of the map twice (nearest-neighbour upsampling by two).
    var isDoubled = false
    /// If given, row `index` of the map is read from there, because the map's own has been overwritten.
    var replacedRow: (index: Int, pixels: FeatureMap)?

    init(_ map: FeatureMap, normalization: ChannelAffine? = nil, isDoubled: Bool = false) {
        self.map = map
        self.normalization = normalization
        self.isDoubled = isDoubled
    }

    /// Rows and columns of the output of a convolution that keeps the size.
    var height: Int { isDoubled ? 2 * map.height : map.height }
    var width: Int { isDoubled ? 2 * map.width : map.width }

    /// Where a row of the map lies.
    func row(_ index: Int) -> UnsafePointer<Float> {
        if let replacedRow, replacedRow.index == index { return UnsafePointer(replacedRow.pixels.pointer) }
        return UnsafePointer(map.pointer + index * map.rowStride)
    }
}

/// What becomes of a convolution's sums once the bias is added.
enum ConvolutionFinish: Sendable {
    /// They are the output.
    case store
    /// Their SiLU is the output.
    case silu
    /// A map of the output's size is added; it may be the output itself.
    case add(FeatureMap)
    /// They are normalised over the channels and a map of the output's size is added; it may be the output itself.
    case normalizeAndAdd(ChannelRMSNorm, FeatureMap)
}
