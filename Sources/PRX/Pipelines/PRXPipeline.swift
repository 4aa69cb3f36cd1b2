public import Tensors

/// The latent pipeline: the transformer predicts the velocity of an autoencoder's latents.
///
/// Port of diffusers' `PRXPipeline`.
public struct PRXPipeline: ImagePipeline {
    private let loop: DenoisingLoop
    private let autoencoder: any Autoencoder
    /// Upstream has tables for sample sizes of 256, 512 and 1024.
    public let bins: ResolutionBins?

    /// A pipeline of these parts.
    /// - Parameter sampleSize: `default_sample_size` of the checkpoint, if it has one.
    /// - Throws: ``PRXError`` `.badCheckpoint` when transformer and autoencoder do not fit.
    public init(
        transformer: PRXTransformer2DModel, scheduler: FlowMatchEulerDiscreteScheduler, autoencoder: any Autoencoder,
        sampleSize: Int? = nil
    ) throws(PRXError) {
        let channels = transformer.configuration.inChannels
        guard channels == autoencoder.latentChannels else {
            throw PRXError(
                .badCheckpoint,
                "the transformer takes \(channels) channels, the autoencoder has \(autoencoder.latentChannels)")
        }
        loop = DenoisingLoop(transformer: transformer, scheduler: scheduler, prediction: .velocity, noiseScale: 1)
        self.autoencoder = autoencoder
        bins = sampleSize.flatMap(ResolutionBins.init(sampleSize:))
    }

    /// Pixels of a patch of latents.
    public var sizeMultiple: Int { loop.transformer.configuration.patchSize * autoencoder.spatialFactor }

    /// Makes images; see ``ImagePipeline``.
    public func generate(
        _ request: GenerationRequest, prompt: TextEmbedding, negative: TextEmbedding?, pool: ThreadPool,
        checkpoint: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> GenerationResult {
        let size = try validate(request)
        let start = ContinuousClock().now
        let (latents, reusedSteps) = try loop.run(
            request,
            size: ImageSize(
                height: size.height / autoencoder.spatialFactor, width: size.width / autoencoder.spatialFactor),
            prompt: prompt, negative: negative, pool: pool, checkpoint: checkpoint)
        let sampled = ContinuousClock().now
        let total = request.steps * request.imageCount
        let planes = try latents.map { image in
            try OperatorProfile.measure("decode", "autoencoder") {
                try autoencoder.decode(autoencoder.ownScale(image), on: pool) { try checkpoint(total, total) }
            }
        }
        return try finish(planes, latents, request, reusedSteps: reusedSteps, sampled: sampled, start: start)
    }
}
