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

    private struct RandomVectors: Decodable {
        let items: [[String]]
    }

    /// What is not looked at is never cut: 1,500 prompts put together from words, scripts, entities and wrong encodings, repeated
    /// to lengths on either side of the limit.
    @Test(arguments: ["pixel", "flux"])
    func noPromptIsCutThatIsNotLookedAt(name: String) throws {
        let reader = try PromptReader(checkpoint: "\(Fixtures.parity)/pipelines/\(name)/model")
        let texts = try Fixtures.json(RandomVectors.self, "../text_cleaning/random.json").items.map { $0[0] }
        var (unseen, cut) = (0, 0)
        for (number, text) in texts.enumerated() {
            let long = String(repeating: text + " ", count: 1 + number % 4)
            let isCut = (try? reader.read(long)).map { $0.tokenCount > $0.tokens.count } ?? false
            if isCut { #expect(reader.mayBeCut(long), "\(long.debugDescription)") }
            cut += isCut ? 1 : 0
            unseen += reader.mayBeCut(long) ? 0 : 1
        }
        #expect(cut > 10 && unseen > 10, "\(cut) cut, \(unseen) not looked at")
        #expect(!reader.mayBeCut("a red mug"))
    }

    @Test(arguments: ["pixel", "flux"])
    func saysWhatIsLost(name: String) throws {
        let reader = try PromptReader(checkpoint: "\(Fixtures.parity)/pipelines/\(name)/model")
        let text = String(repeating: "thrown by hand and glazed twice, ", count: 40) + "on a wooden table"
        let prompt = try reader.read(text)
        let lost = reader.lostText(of: prompt)
        #expect(lost.hasSuffix("on a wooden table"))
        #expect(prompt.effectiveText.hasSuffix(lost))
        let kept = try reader.read(String(prompt.effectiveText.dropLast(lost.count)), cleaning: .light)
        #expect(kept.tokenCount <= reader.maximumTokens)
        #expect(
            Array(kept.tokens.prefix(reader.maximumTokens - 2))
                == Array(prompt.tokens.prefix(kept.tokens.count).prefix(reader.maximumTokens - 2)))
        #expect(try reader.lostText(of: reader.read("a red mug")).isEmpty)
    }

    /// A megabyte of marks that normalisation has to sort must not take quadratic time: this would run for minutes.
    @Test(.timeLimit(.minutes(1)), arguments: ["pixel", "flux"])
    func marksThatAlternateAreLinear(name: String) throws {
        let reader = try PromptReader(checkpoint: "\(Fixtures.parity)/pipelines/\(name)/model")
        for cleaning in TextCleaning.allCases {
            let prompt = try reader.read("a" + String(repeating: "\u{301}\u{327}", count: 250_000), cleaning: cleaning)
            #expect(prompt.tokens.count == reader.maximumTokens)
        }
    }
}
