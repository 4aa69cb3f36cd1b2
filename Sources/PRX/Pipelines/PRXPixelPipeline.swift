public import Tensors

/// The pixel-space pipeline: no autoencoder; the transformer predicts the clean image.
///
/// Port of diffusers' `PRXPixelPipeline`.
public struct PRXPixelPipeline: ImagePipeline {
    private let loop: DenoisingLoop
    /// Upstream's pixel pipeline has a table for a sample size of 1024 only.
    public let bins: ResolutionBins?

    /// A pipeline of these parts.
    /// - Parameters:
    ///   - noiseScale: Standard deviation of the initial noise.
    ///   - sampleSize: `default_sample_size` of the checkpoint, if it has one.
    /// - Throws: ``PRXError`` `.unsupported` when the transformer is not one for pixels.
    public init(
        transformer: PRXTransformer2DModel, scheduler: FlowMatchEulerDiscreteScheduler, noiseScale: Float,
        sampleSize: Int? = nil
    ) throws(PRXError) {
        let channels = transformer.configuration.inChannels
        guard channels == 3 else {
            throw PRXError(.unsupported, "a pixel pipeline's transformer has 3 channels, not \(channels)")
        }
        loop = DenoisingLoop(
            transformer: transformer, scheduler: scheduler, prediction: .cleanImage, noiseScale: noiseScale)
        bins = sampleSize == 1024 ? ResolutionBins(sampleSize: 1024) : nil
    }

    /// Pixels of a patch.
    public var sizeMultiple: Int { loop.transformer.configuration.patchSize }

    /// Makes images; see ``ImagePipeline``.
    public func generate(
        _ request: GenerationRequest, prompt: TextEmbedding, negative: TextEmbedding?, pool: ThreadPool,
        checkpoint: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> GenerationResult {
        let size = try validate(request)
        let start = ContinuousClock().now
        let (images, reusedSteps) = try loop.run(
            request, size: size, prompt: prompt, negative: negative, pool: pool, checkpoint: checkpoint)
        return try finish(
            images, images, request, reusedSteps: reusedSteps, sampled: ContinuousClock().now, start: start)
    }
}
