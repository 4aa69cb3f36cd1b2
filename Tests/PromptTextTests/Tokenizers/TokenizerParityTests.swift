import PackshotTestSupport
import PromptText
import Tensors
import Testing

@Suite("Tokenizers against transformers")
struct TokenizerParityTests {
    private struct Texts: Decodable {
        struct Item: Decodable {
            let text: String
            let n: Int
        }
        let max_length: Int
        let items: [Item]
    }

    @Test(arguments: ["qwen", "qwen_alt", "gemma", "gemma_alt"])
    func everyVector(name: String) throws {
        let folder = "components/tokenizers/\(name)"
        let texts = try Fixtures.json(Texts.self, "\(folder)/texts.json")
        let vectors = try Fixtures.tensors("\(folder)/vectors.safetensors")
        let ids = try #require(vectors["input_ids"]).integers()
        let masks = try #require(vectors["attention_mask"]).integers()
        let tokenizer = try Tokenizer(folder: "\(Fixtures.parity)/\(folder)")
        #expect(texts.items.count > 50)
        for (row, item) in texts.items.enumerated() {
            let encoded = tokenizer.encode(item.text, maxLength: texts.max_length)
            let range = (row * texts.max_length)..<((row + 1) * texts.max_length)
            #expect(
                encoded.paddedTokens.map(Int.init) == Array(ids[range]),
                "row \(row): \(item.text.debugDescription.prefix(80))")
            #expect(encoded.attentionMask.map(Int.init) == Array(masks[range]), "row \(row)")
            #expect(encoded.tokens.count == item.n, "row \(row)")
        }
    }

    /// A megabyte in one word must not take quadratic time: this test would run for hours.
    @Test(arguments: ["qwen", "gemma"]) func longWords(name: String) throws {
        let tokenizer = try Tokenizer(folder: "\(Fixtures.parity)/components/tokenizers/\(name)")
        let encoded = tokenizer.encode(String(repeating: "ab", count: 500_000), maxLength: 16)
        #expect(encoded.tokens.count == 16)
        #expect(encoded.tokenCountBeforeTruncation > 100_000)
    }
}
