internal import Tensors

/// From noise to final latents: what the pixel and the latent pipeline have in common.
struct DenoisingLoop {
    /// What the transformer predicts.
    enum Prediction {
        /// The velocity itself.
        case velocity
        /// The clean image `x0`, from which the velocity is `(x - x0) / max(t, 0.05)`.
        case cleanImage
    }

    /// Smallest t a clean-image prediction is divided by.
    private static let smallestTime: Float = 0.05

    let transformer: PRXTransformer2DModel
    let scheduler: FlowMatchEulerDiscreteScheduler
    let prediction: Prediction
    /// Standard deviation of the initial noise.
    let noiseScale: Float

    /// Final latents, `[C, height, width]` for each image.
    ///
    /// The noise of all images is one draw of the request's generator, as upstream's: image i depends on its place, not on
    /// its neighbours, and is computed alone.
    /// - Parameters:
    ///   - size: Rows and columns of the latents.
    ///   - checkpoint: Called between steps and between blocks with the steps done, over all images, and in all.
    func run(
        _ request: GenerationRequest, size: ImageSize, prompt: TextEmbedding, negative: TextEmbedding?,
        pool: ThreadPool,
        checkpoint: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> [FloatImage] {
        let empty = TextEmbedding(count: 0, width: prompt.width, values: FloatBuffer(count: 0))
        let texts = request.guidance > 1 ? [negative ?? empty, prompt] : [prompt]
        let channels = transformer.configuration.inChannels
        let count = channels * size.height * size.width
        var generator = TorchGenerator(seed: request.seed)
        let noise = generator.normal(count: request.imageCount * count)
        let schedule = scheduler.schedule(steps: request.steps)
        let denoiser = PRXDenoiser(
            model: transformer, height: size.height, width: size.width, texts: texts,
            timesteps: schedule.timesteps.map { $0 / Float(scheduler.trainTimestepCount) }, pool: pool)
        let predictions = texts.map { _ in FloatBuffer(count: count) }
        let total = request.steps * request.imageCount
        let results = try (0..<request.imageCount).map { image in
            let latents = FloatImage(channels: channels, height: size.height, width: size.width)
            for index in 0..<count { latents.values.pointer[index] = noise[image * count + index] * noiseScale }
            for step in 0..<request.steps {
                let done = image * request.steps + step
                try checkpoint(done, total)
                try denoiser.predict(latents.values.pointer, step: step, into: predictions) {
                    try checkpoint(done, total)
                }
                advance(latents.values, predictions, guidance: Float(request.guidance), schedule: schedule, step: step)
            }
            return latents
        }
        try checkpoint(total, total)
        return results
    }

    /// Guidance, then an Euler step.
    private func advance(
        _ latents: FloatBuffer, _ predictions: [FloatBuffer], guidance: Float,
        schedule: FlowMatchEulerDiscreteScheduler.Schedule, step: Int
    ) {
        let time = max(schedule.timesteps[step] / Float(scheduler.trainTimestepCount), Self.smallestTime)
        let difference = schedule.sigmas[step + 1] - schedule.sigmas[step]
        let x = latents.pointer
        let first = predictions[0].pointer
        for index in 0..<latents.count {
            var predicted = first[index]
            if predictions.count == 2 { predicted += guidance * (predictions[1].pointer[index] - predicted) }
            switch prediction {
            case .velocity: x[index] += difference * predicted
            case .cleanImage: x[index] += difference * ((x[index] - predicted) / time)
            }
        }
    }
}
