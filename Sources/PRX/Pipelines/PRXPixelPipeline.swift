public import Tensors

/// The pixel-space pipeline: no autoencoder; the transformer predicts the clean image.
///
/// Port of diffusers' `PRXPixelPipeline`. The prompt's embedding comes from outside, so that it can be cached.
public struct PRXPixelPipeline: Sendable {
    /// Denoises.
    public let transformer: PRXTransformer2DModel
    /// Knows the noise levels.
    public let scheduler: FlowMatchEulerDiscreteScheduler
    /// Standard deviation of the initial noise.
    public let noiseScale: Float

    /// Smallest t the clean-image prediction is divided by.
    static let smallestTime: Float = 0.05

    /// A pipeline of these parts.
    public init(transformer: PRXTransformer2DModel, scheduler: FlowMatchEulerDiscreteScheduler, noiseScale: Float) {
        self.transformer = transformer
        self.scheduler = scheduler
        self.noiseScale = noiseScale
    }

    /// Makes images.
    /// - Parameters:
    ///   - negative: Embedding of the negative prompt, for guidance above 1, else not looked at; nil is a text without tokens.
    ///   - checkpoint: Called between steps and between blocks with the steps done (over all images) and in all; what it
    ///     throws ends the generation.
    /// - Throws: ``PRXError`` `.badRequest`; what `checkpoint` throws.
    public func generate(
        _ request: GenerationRequest, prompt: TextEmbedding, negative: TextEmbedding?, pool: ThreadPool,
        checkpoint: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> GenerationResult {
        let empty = TextEmbedding(count: 0, width: prompt.width, values: FloatBuffer(count: 0))
        let texts = request.guidance > 1 ? [negative ?? empty, prompt] : [prompt]
        try validate(request)
        let start = ContinuousClock().now
        let channels = transformer.configuration.inChannels
        let count = channels * request.height * request.width
        var generator = TorchGenerator(seed: request.seed)
        // One draw for all images, as upstream: image i depends on its place, not on its neighbours.
        let noise = generator.normal(count: request.imageCount * count)
        let schedule = scheduler.schedule(steps: request.steps)
        let denoiser = PRXDenoiser(
            model: transformer, height: request.height, width: request.width, texts: texts,
            timesteps: schedule.timesteps.map { $0 / Float(scheduler.trainTimestepCount) }, pool: pool)
        let predictions = texts.map { _ in FloatBuffer(count: count) }
        let latents = FloatBuffer(count: count)
        var planes: [[Float]] = []
        let total = request.steps * request.imageCount
        for image in 0..<request.imageCount {
            for index in 0..<count { latents.pointer[index] = noise[image * count + index] * noiseScale }
            for step in 0..<request.steps {
                let done = image * request.steps + step
                try checkpoint(done, total)
                try denoiser.predict(latents.pointer, step: step, into: predictions) { try checkpoint(done, total) }
                advance(latents, predictions, guidance: Float(request.guidance), schedule: schedule, step: step)
            }
            planes.append(latents.array)
        }
        try checkpoint(total, total)
        let sampled = ContinuousClock().now
        let images = planes.map { plane in
            plane.withUnsafeBufferPointer { buffer in
                // `count` is at least one pixel, so the base address exists.
                RGBImage(planes: buffer.baseAddress!, width: request.width, height: request.height)
            }
        }
        return GenerationResult(
            images: images, sampleTime: sampled - start, decodeTime: ContinuousClock().now - sampled, planes: planes,
            finalLatents: planes)
    }

    /// Guidance on the clean image, then its velocity, then an Euler step.
    private func advance(
        _ latents: FloatBuffer, _ predictions: [FloatBuffer], guidance: Float,
        schedule: FlowMatchEulerDiscreteScheduler.Schedule, step: Int
    ) {
        let time = max(schedule.timesteps[step] / Float(scheduler.trainTimestepCount), Self.smallestTime)
        let difference = schedule.sigmas[step + 1] - schedule.sigmas[step]
        let x = latents.pointer
        let first = predictions[0].pointer
        for index in 0..<latents.count {
            var clean = first[index]
            if predictions.count == 2 { clean += guidance * (predictions[1].pointer[index] - clean) }
            x[index] += difference * ((x[index] - clean) / time)
        }
    }

    private func validate(_ request: GenerationRequest) throws(PRXError) {
        try request.validate(multipleOf: transformer.configuration.patchSize)
        guard transformer.configuration.inChannels == 3 else {
            throw PRXError(
                .unsupported,
                "a pixel pipeline's transformer has 3 channels, not \(transformer.configuration.inChannels)")
        }
    }
}

extension GenerationRequest {
    /// Largest side of an image, in pixels.
    public static let maximumSide = 8192

    /// Refuses what no pipeline can make.
    /// - Parameter multiple: What both sides must be a multiple of.
    /// - Throws: ``PRXError`` `.badRequest`, naming the nearest sizes that do.
    func validate(multipleOf multiple: Int) throws(PRXError) {
        guard (1...1000).contains(steps) else { throw PRXError(.badRequest, "steps is \(steps), expected 1 to 1000") }
        guard guidance >= 1, guidance <= 1000 else {
            throw PRXError(.badRequest, "guidance is \(guidance), expected 1 (off) to 1000")
        }
        guard (1...64).contains(imageCount) else {
            throw PRXError(.badRequest, "images is \(imageCount), expected 1 to 64")
        }
        for (name, side) in [("width", width), ("height", height)] {
            guard side >= 1, side <= Self.maximumSide else {
                throw PRXError(.badRequest, "\(name) is \(side), expected \(multiple) to \(Self.maximumSide)")
            }
            guard side % multiple == 0 else {
                let lower = side / multiple * multiple
                let nearest = lower == 0 ? "\(multiple)" : "\(lower) or \(lower + multiple)"
                throw PRXError(.badRequest, "\(name) \(side) is no multiple of \(multiple): the nearest is \(nearest)")
            }
        }
    }
}
