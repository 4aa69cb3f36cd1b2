internal import Tensors

/// The deepest part of both directions: ResNet, attention, ResNet. Port of diffusers' `UNetMidBlock2D`.
struct KLMiddleBlock: Sendable {
    private let first: KLResnetBlock
    private let attention: KLAttention
    private let second: KLResnetBlock

    init(_ name: String, _ weights: AutoencoderWeights, groups: Int, attentionNames: [String]) throws {
        first = try KLResnetBlock(name + ".resnets.0", weights, groups: groups)
        attention = try KLAttention(name + ".attentions.0", weights, groups: groups, names: attentionNames)
        second = try KLResnetBlock(name + ".resnets.1", weights, groups: groups)
    }

    func callAsFunction(_ features: inout KLFeatures, run: AutoencoderRun) throws {
        first(&features, on: run.work)
        try run.finished("mid_block.resnet0", features.map)
        attention(&features, on: run.work)
        try run.finished("attention", features.map)
        second(&features, on: run.work)
        try run.finished("mid_block", features.map)
    }
}

/// What accompanies one encoding or decoding.
struct AutoencoderRun {
    let work: Workspace
    let checkpoint: () throws -> Void
    /// Sees intermediate maps, for parity tests.
    let observe: ((_ name: String, _ map: FloatImage) -> Void)?

    /// To be called after every layer.
    func finished(_ name: String, _ map: FeatureMap) throws {
        if let observe { observe(name, map.planes) }
        try checkpoint()
    }
}
