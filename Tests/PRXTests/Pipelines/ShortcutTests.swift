import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("Shortcuts of the sampler")
struct ShortcutTests {
    private static let prompt = "a green sneaker on a wooden table, product photo"

    private static func generate(
        _ shortcuts: SamplingShortcuts, steps: Int = 12, guidance: Double = 2, images: Int = 1, threads: Int = 2
    ) throws -> GenerationResult {
        let checkpoint = try PRXCheckpoint(path: Fixtures.demoModel)
        let pool = ThreadPool(threads: threads)
        let embeddings = checkpoint.embed([try checkpoint.prepare(prompt), try checkpoint.prepare("")], pool: pool)
        return try checkpoint.generate(
            GenerationRequest(
                seed: 3, steps: steps, guidance: guidance, width: 128, height: 128, imageCount: images,
                shortcuts: shortcuts), prompt: embeddings[0], negative: embeddings[1], pool: pool
        ) { _, _ in }
    }

    private static func meanSquare(_ a: GenerationResult, _ b: GenerationResult) -> Double {
        let sum = zip(a.images[0].pixels, b.images[0].pixels).reduce(0.0) { sum, pair in
            let difference = Double(Int(pair.0) - Int(pair.1))
            return sum + difference * difference
        }
        return sum / Double(a.images[0].pixels.count)
    }

    @Test func fewerBitsAreLessLikeTheExactImage() throws {
        let exact = try Self.generate(SamplingShortcuts())
        let errors = try [16, 8].map { bits in
            let one = try Self.generate(SamplingShortcuts(activationBits: bits), threads: 1)
            #expect(one.planes == (try Self.generate(SamplingShortcuts(activationBits: bits), threads: 3)).planes)
            #expect(one.planes != exact.planes)
            return Self.meanSquare(one, exact)
        }
        #expect(errors[0] < errors[1])
        #expect(errors[0] < 0.2 && errors[1] < 65, "55 dB and 30 dB")
    }

    @Test func aCacheThatNothingIsSimilarEnoughForChangesNothing() throws {
        let exact = try Self.generate(SamplingShortcuts())
        let cached = try Self.generate(SamplingShortcuts(stepCache: 1e-9))
        #expect(exact.reusedSteps == [0] && cached.reusedSteps == [0])
        #expect(cached.planes == exact.planes)
    }

    @Test func aCacheReusesStepsTheSameOnAnyThreadsAndInAnyCompany() throws {
        let shortcuts = SamplingShortcuts(stepCache: 0.3, guidanceShare: 0.75)
        let exact = try Self.generate(SamplingShortcuts())
        let one = try Self.generate(shortcuts, threads: 1)
        #expect((1...10).contains(one.reusedSteps[0]))
        let difference = Self.meanSquare(one, exact)
        #expect(difference > 0 && difference < 65, "30 dB or better")
        let company = try Self.generate(shortcuts, images: 2, threads: 3)
        #expect(company.planes[0] == one.planes[0])
        #expect(company.reusedSteps[0] == one.reusedSteps[0])
    }

    @Test func thePromptAloneIsPredictedAsInCompanyOfTheOtherText() throws {
        let folder = Fixtures.demoModel
        let checkpoint = try PRXCheckpoint(path: folder)
        let model = try PRXTransformer2DModel(folder: "\(folder)/transformer")
        let pool = ThreadPool(threads: 2)
        let texts = checkpoint.embed(
            [try checkpoint.prepare("a mug"), try checkpoint.prepare(Self.prompt)], pool: pool)
        var noise = TorchGenerator(seed: 1)
        let latents = FloatBuffer(noise.normal(count: 3 * 64 * 96))
        func predict(_ texts: [TextEmbedding], _ count: Int) throws -> [[Float]] {
            let denoiser = PRXDenoiser(
                model: model, height: 64, width: 96, texts: texts, timesteps: [0.7], pool: pool)
            let predictions = (0..<count).map { _ in FloatBuffer(count: latents.count) }
            try denoiser.predict(latents.pointer, step: 0, into: predictions) {}
            return predictions.map(\.array)
        }
        let both = try predict(texts, 2)
        let alone = try predict([texts[1]], 1)[0]
        #expect(try predict(texts, 1)[0] == alone)
        // Products of other sizes are cut elsewhere: not the same bits.
        let deviation = Deviation(alone, both[1], atol: 1e-4, rtol: 0)
        #expect(deviation.excess <= 0, "\(deviation)")
        #expect(Deviation(alone, both[0], atol: 1e-2, rtol: 0).excess > 0)
    }

    @Test func onlyTheLastShareOfTheStepsIsGuided() throws {
        let exact = try Self.generate(SamplingShortcuts(), steps: 1)
        #expect(try Self.generate(SamplingShortcuts(guidanceShare: 0.01), steps: 1).planes == exact.planes)
        let half = try Self.generate(SamplingShortcuts(guidanceShare: 0.5))
        let unguided = try Self.generate(SamplingShortcuts(), guidance: 1)
        let guided = try Self.generate(SamplingShortcuts())
        #expect(half.planes != unguided.planes && half.planes != guided.planes)
        #expect(Self.meanSquare(half, guided) < Self.meanSquare(unguided, guided))
    }

    @Test func theSecondOrderSolverNeedsFewerSteps() throws {
        let fine = try Self.generate(SamplingShortcuts(), steps: 60)
        let euler = try Self.generate(SamplingShortcuts(), steps: 10)
        let second = try Self.generate(SamplingShortcuts(solverOrder: 2), steps: 10)
        #expect(Self.meanSquare(second, fine) < Self.meanSquare(euler, fine))
        // Nothing is before an image's first step.
        #expect(
            try Self.generate(SamplingShortcuts(solverOrder: 2), steps: 1).planes
                == Self.generate(SamplingShortcuts(), steps: 1).planes)
    }
}
