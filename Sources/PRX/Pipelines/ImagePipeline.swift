public import Tensors

/// A text-to-image pipeline whose text embeddings come from outside, so that they can be cached.
public protocol ImagePipeline: Sendable {
    /// What sides of an image must be a multiple of, in pixels, unless they are binned.
    var sizeMultiple: Int { get }

    /// The sizes the model was trained on, where upstream has a table for it.
    var bins: ResolutionBins? { get }

    /// Makes images.
    /// - Parameters:
    ///   - negative: Embedding of the negative prompt, for guidance above 1, else not looked at; nil is a text without tokens.
    ///   - checkpoint: Called between steps and between blocks with the steps done (over all images) and in all; what it
    ///     throws ends the generation.
    /// - Throws: ``PRXError`` `.badRequest`, `.notFinite`; what `checkpoint` throws.
    func generate(
        _ request: GenerationRequest, prompt: TextEmbedding, negative: TextEmbedding?, pool: ThreadPool,
        checkpoint: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> GenerationResult
}

extension ImagePipeline {
    /// Checks that a request can be made, without making it.
    /// - Returns: The size it would be generated at.
    /// - Throws: ``PRXError`` `.badRequest`.
    @discardableResult
    public func validate(_ request: GenerationRequest) throws(PRXError) -> ImageSize {
        try request.validated(multipleOf: sizeMultiple, bins: bins)
    }

    /// Images of the size asked for, as bytes.
    /// - Throws: ``PRXError`` `.notFinite`.
    func finish(
        _ planes: [FloatImage], _ latents: [FloatImage], _ request: GenerationRequest, reusedSteps: [Int],
        sampled: ContinuousClock.Instant, start: ContinuousClock.Instant
    ) throws(PRXError) -> GenerationResult {
        let wanted = ImageSize(height: request.height, width: request.width)
        let sized = planes.map { plane in
            plane.height == wanted.height && plane.width == wanted.width ? plane : plane.resizedAndCropped(to: wanted)
        }
        var images: [RGBImage] = []
        for plane in sized { images.append(try RGBImage(plane)) }
        return GenerationResult(
            images: images, sampleTime: sampled - start, decodeTime: ContinuousClock().now - sampled,
            reusedSteps: reusedSteps,
            planes: sized.map(\.values.array), finalLatents: latents.map(\.values.array))
    }
}
