import PRX
import PackshotTestSupport
import Testing

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

    @Test func basicCleanIsExact() throws {
        let items = try Fixtures.json(Vectors.self, "components/text_cleaning/text_cleaning.json").items
        #expect(items.count > 100)
        for item in items {
            expectSame(TextCleaning.light.clean(item.text), item.basic_clean, item.text)
        }
    }

    /// Scalar by scalar: `==` of strings takes what is canonically equivalent for equal.
    private func expectSame(_ actual: String, _ expected: String, _ text: String) {
        #expect(
            Array(actual.unicodeScalars) == Array(expected.unicodeScalars), "\(text.debugDescription)")
    }
}
