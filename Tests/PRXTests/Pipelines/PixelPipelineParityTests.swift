import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("PRXPixelPipeline against diffusers, from token ids")
struct PixelPipelineParityTests {
    struct Cases: Decodable {
        struct Run: Decodable {
            let id: String
            let seed: UInt64
            let steps: Int
            let guidance: Double
            let width: Int
            let height: Int
            let num_images_per_prompt: Int
            let expected: String
        }
        let runs: [Run]
    }

    @Test func everyRun() throws {
        let folder = "pipelines/pixel"
        let model = "\(Fixtures.parity)/\(folder)/model"
        let encoder = try Qwen3VLTextModel(folder: "\(model)/text_encoder")
        let pipeline = try PRXPixelPipeline(
            transformer: try PRXTransformer2DModel(folder: "\(model)/transformer"),
            scheduler: FlowMatchEulerDiscreteScheduler(), noiseScale: 2)
        let pool = ThreadPool(threads: 2)
        for run in try Fixtures.json(Cases.self, "\(folder)/cases.json").runs {
            let expected = try Fixtures.tensors("\(folder)/\(run.expected)")
            let ids = try #require(expected["input_ids"])
            let mask = try #require(expected["attention_mask"]).integers()
            let length = ids.shape[1]
            let texts = (0..<ids.shape[0]).map { row in
                let real = (0..<length).filter { mask[row * length + $0] == 1 }
                return encoder.encode(
                    tokens: real.map { Int32(ids.integers()[row * length + $0]) }, offset: real.first ?? 0, pool: pool)
            }
            let images = try #require(expected["image"])
            let size = 3 * run.height * run.width
            let reference = images.floats().array
            // A list of prompts is one draw of noise for all of them; the rows of a batch are its images.
            let prompts = run.guidance > 1 ? Array(texts.dropFirst(texts.count / 2)) : texts
            let count = images.shape[0]
            let request = GenerationRequest(
                seed: run.seed, steps: run.steps, guidance: run.guidance, width: run.width, height: run.height,
                imageCount: count)
            for index in 0..<count {
                let prompt = prompts[prompts.count == 1 ? 0 : index]
                let result = try pipeline.generate(
                    request, prompt: prompt, negative: run.guidance > 1 ? texts[0] : nil, pool: pool
                ) { _, _ in }
                let expectedPlane = Array(reference[(index * size)..<((index + 1) * size)])
                let deviation = Deviation(result.planes[index], expectedPlane, atol: 5e-4, rtol: 0)
                #expect(deviation.excess <= 0, "\(run.id) image \(index): \(deviation)")
                let bytes = try RGBImage(
                    FloatImage(
                        channels: 3, height: run.height, width: run.width, values: FloatBuffer(expectedPlane))
                ).pixels
                let worst = zip(bytes, result.images[index].pixels).map { abs(Int($0) - Int($1)) }.max()
                #expect(worst ?? 255 <= 1, "\(run.id) image \(index)")
            }
        }
    }

    @Test func refusesWhatCannotBeMade() throws {
        let model = "\(Fixtures.parity)/pipelines/pixel/model"
        let pipeline = try PRXPixelPipeline(
            transformer: try PRXTransformer2DModel(folder: "\(model)/transformer"),
            scheduler: FlowMatchEulerDiscreteScheduler(), noiseScale: 2)
        let empty = TextEmbedding(count: 0, width: 32, values: FloatBuffer(count: 0))
        let good = GenerationRequest(seed: 1, steps: 1, guidance: 1, width: 16, height: 16)
        let pool = ThreadPool(threads: 1)
        let bad: [(String, (inout GenerationRequest) -> Void)] = [
            ("nearest is 64 or 72", { $0.width = 70 }), ("height", { $0.height = 0 }), ("steps", { $0.steps = 0 }),
            ("guidance", { $0.guidance = 0.5 }), ("guidance", { $0.guidance = .nan }),
            ("width", { $0.width = 1 << 40 }), ("step cache", { $0.shortcuts.stepCache = 1.5 }),
            ("guidance share", { $0.shortcuts.guidanceShare = 0 }), ("solver", { $0.shortcuts.solverOrder = 3 }),
            ("activation bits", { $0.shortcuts.activationBits = 12 }),
        ]
        for (mention, change) in bad {
            var request = good
            change(&request)
            let error = #expect(throws: PRXError.self) {
                try pipeline.generate(request, prompt: empty, negative: nil, pool: pool) { _, _ in }
            }
            #expect(error?.message.contains(mention) == true, "\(error?.message ?? "")")
        }
        #expect(throws: CancellationError.self) {
            try pipeline.generate(good, prompt: empty, negative: nil, pool: pool) { _, _ in throw CancellationError() }
        }
    }
}
