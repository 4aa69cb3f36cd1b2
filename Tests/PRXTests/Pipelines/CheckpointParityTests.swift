import Foundation
import PNGImage
import PRX
import PackshotTestSupport
import PromptText
import Tensors
import Testing

/// Whole checkpoints: from the prompt's text to the bytes of the reference's PNG.
@Suite("Checkpoints against diffusers, from text to PNG")
struct CheckpointParityTests {
    private struct Cases: Decodable {
        struct Run: Decodable {
            let id: String
            let prompt: Prompts
            let negative_prompt: Prompts?
            let seed: UInt64
            let steps: Int
            let guidance: Double
            let width: Int
            let height: Int
            let expected_png: [String]
            let use_resolution_binning: Bool
            let skip_text_cleaning: Bool
            let num_images_per_prompt: Int
            let tokenizer_max_length: Int?
            let encoded_texts: [String]
        }
        let runs: [Run]
    }

    private enum Prompts: Decodable {
        case one(String)
        case many([String])

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self = .one(text)
            } else {
                self = .many(try value.decode([String].self))
            }
        }

        var list: [String] {
            switch self {
            case .one(let text): [text]
            case .many(let texts): texts
            }
        }
    }

    @Test(arguments: ["pixel", "flux", "dcae", "bf16", "sharded"])
    func everyRunWithinTwoLevelsAndFiftyDecibels(name: String) throws {
        let folder = "pipelines/\(name)"
        let checkpoint = try PRXCheckpoint(path: "\(Fixtures.parity)/\(folder)/model")
        let pool = ThreadPool(threads: 2)
        for run in try Fixtures.json(Cases.self, "\(folder)/cases.json").runs {
            let prepare = { (text: String) in
                try checkpoint.prepare(
                    text, cleaning: run.skip_text_cleaning ? .light : nil,
                    maximumTokens: run.tokenizer_max_length)
            }
            let prompts = try run.prompt.list.map(prepare)
            #expect(prompts.map(\.effectiveText) == Array(run.encoded_texts.suffix(prompts.count)), "\(run.id)")
            let negatives = try (run.negative_prompt?.list ?? [""]).map(prepare)
            let request = GenerationRequest(
                seed: run.seed, steps: run.steps, guidance: run.guidance, width: run.width, height: run.height,
                imageCount: run.expected_png.count, usesResolutionBinning: run.use_resolution_binning)
            for (index, png) in run.expected_png.enumerated() {
                // Several prompts with several images each: the reference pairs embeddings p0,p0,p1,p1 with masks
                // m0,m1,m0,m1. Where the two are not of one prompt, its image is of no prompt, and not compared.
                let isPaired = prompts.count == 1 || index / run.num_images_per_prompt == index % prompts.count
                guard run.num_images_per_prompt == 1 || isPaired else { continue }
                let place = index / run.num_images_per_prompt
                let negative = negatives[negatives.count == 1 ? 0 : place]
                let result = try checkpoint.generate(
                    request, prompt: checkpoint.embed(prompts[place], pool: pool),
                    negative: checkpoint.embed(negative, pool: pool), pool: pool
                ) { _, _ in }
                try compare(result.images[index], with: "\(folder)/\(png)", "\(name) \(run.id) image \(index)")
            }
        }
    }

    private func compare(_ image: RGBImage, with png: String, _ what: String) throws {
        let reference = try PNGDecoder.decode(
            Array(Data(contentsOf: URL(fileURLWithPath: "\(Fixtures.parity)/\(png)")))
        ).bitmap
        #expect(image.width == reference.width && image.height == reference.height, "\(what)")
        let differences = zip(image.pixels, reference.pixels).map { abs(Int($0) - Int($1)) }
        let square = differences.reduce(0.0) { $0 + Double($1 * $1) } / Double(differences.count)
        let decibels = square == 0 ? Double.infinity : 10 * log10(255 * 255 / square)
        #expect(differences.max() ?? 255 <= 2, "\(what): \(differences.max() ?? 255) levels")
        #expect(decibels >= 50, "\(what): \(decibels) dB")
    }

    @Test func embeddingsSurviveStorageBitForBit() throws {
        let checkpoint = try PRXCheckpoint(path: Fixtures.demoModel)
        let pool = ThreadPool(threads: 1)
        let embedding = checkpoint.embed(try checkpoint.prepare("a red ceramic mug"), pool: pool)
        let back = try #require(TextEmbedding(bytes: embedding.bytes, width: checkpoint.embeddingWidth))
        #expect(back.count == embedding.count)
        #expect(back.values.array.map(\.bitPattern) == embedding.values.array.map(\.bitPattern))
        #expect(TextEmbedding(bytes: [1, 2, 3], width: checkpoint.embeddingWidth) == nil)
        let empty = checkpoint.embed(try checkpoint.prepare(""), pool: pool)
        #expect(empty.count == 0 && empty.bytes.isEmpty)
    }

    @Test func threadsDoNotChangeABit() throws {
        let checkpoint = try PRXCheckpoint(path: Fixtures.demoModel)
        let prompt = try checkpoint.prepare("a blue striped t-shirt on a wooden table")
        let request = GenerationRequest(seed: 5, steps: 3, guidance: 2, width: 160, height: 96)
        let planes = try [1, 2, 3, 8].map { threads in
            let pool = ThreadPool(threads: threads)
            return try checkpoint.generate(
                request, prompt: checkpoint.embed(prompt, pool: pool),
                negative: checkpoint.embed(try checkpoint.prepare(""), pool: pool), pool: pool
            ) { _, _ in }.planes[0].map(\.bitPattern)
        }
        #expect(Set(planes).count == 1)
    }

    @Test(arguments: [
        ("model_index.json", "{}", "_class_name"), ("model_index.json", "{\"_class_name\": \"Other\"}", "Other"),
        ("model_index.json", "[[[[", "JSON"), ("transformer/config.json", "{\"hidden_size\": 257}", "hidden_size"),
        ("transformer/config.json", "{\"depth\": -1}", "depth"),
        ("transformer/config.json", "{\"depth\": \"six\"}", "depth"),
        ("tokenizer/tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": {}}}", "Unigram"),
        ("scheduler/scheduler_config.json", "{\"shift\": 0}", "shift"),
    ])
    func aBrokenPartIsNamed(file: String, content: String, mention: String) throws {
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.copyItem(atPath: Fixtures.demoModel, toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try Data(content.utf8).write(to: URL(fileURLWithPath: "\(copy)/\(file)"))
        do {
            _ = try PRXCheckpoint(path: copy)
            Issue.record("\(file) was accepted")
        } catch {
            #expect("\(error)".contains(mention), "\(error)")
            #expect("\(error)".contains(file.split(separator: "/").first ?? ""), "\(error)")
        }
    }
}
