import PackshotTestSupport
import PromptText
import Testing

/// Compared scalar by scalar: `==` of strings takes what is canonically equivalent for equal.
@Suite("Cleaning as diffusers does it")
struct ReferenceCleaningTests {
    private struct Vectors: Decodable {
        struct Item: Decodable {
            let text: String
            let clean_text: String
            let basic_clean: String
        }
        let items: [Item]
    }

    private struct RandomVectors: Decodable {
        let items: [[String]]
    }

    @Test func everyVectorIsExact() throws {
        let items = try Fixtures.json(Vectors.self, "components/text_cleaning/text_cleaning.json").items
        #expect(items.count > 100)
        for item in items {
            expectSame(.full, item.text, item.clean_text)
            expectSame(.light, item.text, item.basic_clean)
        }
    }

    /// 1,500 prompts put together at random from words, scripts, entities, addresses and text decoded wrongly.
    @Test func everyRandomPromptIsExact() throws {
        let items = try Fixtures.json(RandomVectors.self, "../text_cleaning/random.json").items
        #expect(items.count == 1_500)
        for item in items {
            try #require(item.count == 3)
            expectSame(.full, item[0], item[1])
            expectSame(.light, item[0], item[2])
        }
    }

    private func expectSame(_ cleaning: TextCleaning, _ text: String, _ expected: String) {
        let actual = cleaning.clean(text)
        #expect(
            Array(actual.unicodeScalars) == Array(expected.unicodeScalars), "\(cleaning): \(text.debugDescription)")
    }
}
