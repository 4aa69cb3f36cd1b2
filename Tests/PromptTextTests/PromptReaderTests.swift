import Foundation
import PackshotTestSupport
import PromptText
import Testing

@Suite("How a checkpoint's pipeline reads prompts")
struct PromptReaderTests {
    /// A pixel pipeline cleans lightly and says in `model_index.json` how many tokens it keeps; a latent one cleans fully and
    /// leaves that to its tokenizer.
    @Test(arguments: [("pixel", TextCleaning.light), ("flux", .full)])
    func cleaningAndLimitAreThePipelines(name: String, cleaning: TextCleaning) throws {
        let reader = try PromptReader(checkpoint: "\(Fixtures.parity)/pipelines/\(name)/model")
        #expect(reader.cleaning == cleaning)
        let long = try reader.read(String(repeating: "a red mug ", count: 200))
        #expect(long.tokenCount > reader.maximumTokens)
        #expect(long.tokens.count == reader.maximumTokens)
        #expect(try reader.read("A Red Mug").effectiveText == (cleaning == .full ? "a red mug" : "A Red Mug"))
    }

    @Test func nothingLeftOfAPromptIsAnError() throws {
        let reader = try PromptReader(checkpoint: "\(Fixtures.parity)/pipelines/flux/model")
        #expect(throws: PromptTextError.self) { try reader.read("AB12345 #123456") }
        #expect(try reader.read("").effectiveText.isEmpty)
    }

    @Test(arguments: [
        (#"{"_class_name": "PRXPixelPipeline", "prompt_max_tokens": "many"}"#, "prompt_max_tokens"),
        (#"{"_class_name": "PRXPixelPipeline", "prompt_max_tokens": 0}"#, "prompt_max_tokens is 0"),
        (#"{"_class_name": "OtherPipeline"}"#, "OtherPipeline"),
        (#"{"_class_name": "PRXPipeline"}"#, "tokenizer.json is missing"),
    ])
    func namesTheFileAndTheKey(index: String, mentions: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(index.utf8).write(to: URL(fileURLWithPath: "\(folder)/model_index.json"))
        let error = #expect(throws: PromptTextError.self) { try PromptReader(checkpoint: folder) }
        #expect(error?.message.contains(mentions) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(folder) == true)
    }
}
