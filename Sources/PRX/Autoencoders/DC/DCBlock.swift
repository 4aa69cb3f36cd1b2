internal import Tensors

/// A block of a stage; it replaces a map by its output. Port of diffusers `autoencoder_dc.py`.
enum DCBlock: Sendable {
    case residual(DCResBlock)
    case efficientViT(DCAttention, DCGatedConvolution)

    init(
        _ name: String, _ weights: AutoencoderWeights, stage: AutoencoderDCConfiguration.Stage, headWidth: Int
    ) throws {
        switch stage.blockType {
        case .residual: self = .residual(try DCResBlock(name, weights))
        case .efficientViT:
            self = .efficientViT(
                try DCAttention(name + ".attn", weights, scales: stage.multiscales.count, headWidth: headWidth),
                try DCGatedConvolution(name + ".conv_out", weights))
        }
    }

    /// - Parameters:
    ///   - spare: Memory of a map like it, for the inside of a ResBlock; made when first needed.
    ///   - name: What observers know the block as.
    func callAsFunction(_ map: FeatureMap, spare: inout FeatureMap?, name: String, run: AutoencoderRun) throws {
        switch self {
        case .residual(let block):
            let hidden = spare ?? FeatureMap(height: map.height, width: map.width, channels: map.channels)
            block(map, hidden: hidden, on: run.work)
            spare = hidden
        case .efficientViT(let attention, let convolution):
            attention(map, on: run.work)
            try run.finished(name + ".attn", map)
            convolution(map, on: run.work)
        }
        try run.finished(name, map)
    }
}

/// `ResBlock`: convolution, SiLU, convolution, normalisation over channels; the input is added.
struct DCResBlock: Sendable {
    private let conv1: ConvolutionWeights
    private let conv2: ConvolutionWeights
    private let norm: ChannelRMSNorm

    init(_ name: String, _ weights: AutoencoderWeights) throws {
        conv1 = try weights.convolution(name + ".conv1")
        conv2 = try weights.convolution(name + ".conv2")
        norm = try weights.channelNorm(name + ".norm")
    }

    func callAsFunction(_ map: FeatureMap, hidden: FeatureMap, on work: Workspace) {
        WinogradConvolution(filters: WinogradFilters(conv1, isDoubled: false, on: work))(
            ConvolutionInput(map), into: hidden, finish: .silu, on: work)
        WinogradConvolution(filters: WinogradFilters(conv2, isDoubled: false, on: work))(
            ConvolutionInput(hidden), into: map, finish: .normalizeAndAdd(norm, map), on: work)
    }
}

/// `GLUMBConv`: 1x1 to eight times the channels, SiLU, depthwise 3x3, one half gated by the SiLU of the other, 1x1 back,
/// normalisation over channels; the input is added. Port of diffusers `sana_transformer.py`.
struct DCGatedConvolution: Sendable {
    private let inverted: PointwiseConvolution
    private let depthwise: DepthwiseConvolution
    private let point: PointwiseConvolution
    private let norm: ChannelRMSNorm

    init(_ name: String, _ weights: AutoencoderWeights) throws {
        inverted = PointwiseConvolution(try weights.convolution(name + ".conv_inverted"))
        depthwise = DepthwiseConvolution(try weights.convolution(name + ".conv_depth"))
        point = PointwiseConvolution(try weights.convolution(name + ".conv_point"))
        norm = try weights.channelNorm(name + ".norm")
    }

    func callAsFunction(_ map: FeatureMap, on work: Workspace) {
        let (height, width) = (map.height, map.width)
        let gated = FeatureMap(height: height, width: width, channels: 4 * map.channels)
        do {
            let wide = FeatureMap(height: height, width: width, channels: 8 * map.channels)
            inverted(map, into: wide, activates: true, on: work)
            depthwise.gated(wide, into: gated, on: work)
        }
        let result = FeatureMap(height: height, width: width, channels: map.channels)
        point(gated, into: result, on: work)
        norm.apply(result, adding: map, into: map, on: work)
    }
}
