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

    /// Final latents, `[C, height, width]` for each image, and how many of its steps reused an earlier one.
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
    ) throws -> (latents: [FloatImage], reusedSteps: [Int]) {
        let empty = TextEmbedding(count: 0, width: prompt.width, values: FloatBuffer(count: 0))
        let texts = request.guidance > 1 ? [negative ?? empty, prompt] : [prompt]
        let channels = transformer.configuration.inChannels
        let count = channels * size.height * size.width
        var generator = TorchGenerator(seed: request.seed)
        let noise = generator.normal(count: request.imageCount * count)
        let schedule = scheduler.schedule(steps: request.steps)
        let denoiser = PRXDenoiser(
            model: transformer, height: size.height, width: size.width, texts: texts,
            timesteps: schedule.timesteps.map { $0 / Float(scheduler.trainTimestepCount) },
            stepCache: request.shortcuts.stepCache, precision: request.shortcuts.activationPrecision, pool: pool)
        let predictions = texts.map { _ in FloatBuffer(count: count) }
        let firstGuidedStep = request.shortcuts.firstGuidedStep(of: request.steps)
        let walk = Walk(loop: self, request: request, schedule: schedule, count: count)
        var reusedSteps = [Int](repeating: 0, count: request.imageCount)
        let total = request.steps * request.imageCount
        let results = try (0..<request.imageCount).map { image in
            let latents = FloatImage(channels: channels, height: size.height, width: size.width)
            for index in 0..<count { latents.values.pointer[index] = noise[image * count + index] * noiseScale }
            denoiser.begin()
            for step in 0..<request.steps {
                let wanted = Array(predictions.suffix(step >= firstGuidedStep ? 2 : 1))
                let done = image * request.steps + step
                try checkpoint(done, total)
                let isReused = try denoiser.predict(latents.values.pointer, step: step, into: wanted) {
                    try checkpoint(done, total)
                }
                if isReused { reusedSteps[image] += 1 }
                walk.advance(latents.values, wanted, step: step)
            }
            return latents
        }
        try checkpoint(total, total)
        return (results, reusedSteps)
    }

    /// The way through a schedule: guidance, then a step of the solver.
    private struct Walk {
        private let prediction: Prediction
        private let trainTimestepCount: Int
        private let guidance: Float
        private let schedule: FlowMatchEulerDiscreteScheduler.Schedule
        /// The velocity of the step before, where the solver looks at it.
        private let previous: FloatBuffer?

        init(
            loop: DenoisingLoop, request: GenerationRequest, schedule: FlowMatchEulerDiscreteScheduler.Schedule,
            count: Int
        ) {
            prediction = loop.prediction
            trainTimestepCount = loop.scheduler.trainTimestepCount
            guidance = Float(request.guidance)
            self.schedule = schedule
            previous = request.shortcuts.solverOrder == 2 ? FloatBuffer(count: count) : nil
        }

        /// - Parameter predictions: The prompt's alone, or without and with the prompt.
        func advance(_ latents: FloatBuffer, _ predictions: [FloatBuffer], step: Int) {
            let time = max(schedule.timesteps[step] / Float(trainTimestepCount), DenoisingLoop.smallestTime)
            let difference = schedule.sigmas[step + 1] - schedule.sigmas[step]
            // Adams-Bashforth for unequal steps; an image's first step has nothing before it and is Euler's.
            let lean = step == 0 ? 0 : difference / (schedule.sigmas[step] - schedule.sigmas[step - 1]) / 2
            let x = latents.pointer
            let first = predictions[0].pointer
            for index in 0..<latents.count {
                var predicted = first[index]
                if predictions.count == 2 { predicted += guidance * (predictions[1].pointer[index] - predicted) }
                let velocity = prediction == .velocity ? predicted : (x[index] - predicted) / time
                var direction = velocity
                if let previous {
                    if lean != 0 { direction += lean * (velocity - previous.pointer[index]) }
                    previous.pointer[index] = velocity
                }
                x[index] += difference * direction
            }
        }
    }
}
