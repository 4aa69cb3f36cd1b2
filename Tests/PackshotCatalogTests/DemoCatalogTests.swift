import Foundation
import PackshotCatalog
import PackshotJobs
import Testing

/// The demo catalog, against what the demo model was trained on.
@Suite("Demo catalog")
struct DemoCatalogTests {
    struct Vocabulary: Decodable {
        let words: [String: Words]

        struct Words: Decodable {
            let products: [String: [String]]
            let colours: [String: Forms]
            let patterns: [String: Forms]
            let backgrounds: [String: [String]]
        }

        /// One form, or one for each grammatical gender and number.
        enum Forms: Decodable {
            case forms([String])

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let one = try? container.decode(String.self) {
                    self = .forms([one])
                } else {
                    self = .forms(try container.decode([String].self))
                }
            }

            var all: [String] {
                if case .forms(let forms) = self { forms } else { [] }
            }
        }
    }

    static let demo = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "ops/demo")

    static func images() throws -> [PlannedImage] {
        let shots = demo.appending(path: "shots.yaml").path
        let plan = Plan(
            catalogPath: demo.appending(path: "catalog.csv").path, shots: try ShotsFile.load(path: shots),
            shotsPath: shots, batch: "demo", defaults: PlanTests.defaults)
        return try PlanTests.images(plan)
    }

    @Test func itIsLargeAndVaried() throws {
        let images = try DemoCatalogTests.images()
        #expect(Set(images.map(\.job.product.sku)).count >= 64)
        #expect(Set(images.map(\.job.shot)) == ["packshot", "scene"])
        #expect(images.count == 2 * Set(images.map(\.job.product.sku)).count)
        #expect(Set(images.compactMap { $0.job.product.attributes["locale"] }).count == 8)
        #expect(Set(images.compactMap { $0.job.product.attributes["category"] }).count == 12)
        #expect(images.allSatisfy { $0.job.spec.width == 128 && $0.job.spec.height == 128 && $0.job.spec.steps == 12 })
        #expect(images.allSatisfy { $0.job.spec.guidance == 2 })
        // The first row of the gallery shows everything there is.
        #expect(Set(images.prefix(24).compactMap { $0.job.product.attributes["category"] }).count == 12)
    }

    /// Takes away the product, colour, pattern and background phrases of the prompt's language, longest first: nothing may
    /// be left but joints and the endings of German adjectives.
    @Test func promptsUseOnlyWordsTheModelKnows() throws {
        let file = DemoCatalogTests.demo.appending(path: "packshot-tiny/vocabulary.json")
        let vocabulary = try JSONDecoder().decode(Vocabulary.self, from: Data(contentsOf: file)).words
        for image in try DemoCatalogTests.images() {
            let locale = try #require(image.job.product.attributes["locale"])
            let words = try #require(vocabulary[locale])
            var rest = " \(image.job.spec.prompt.lowercased()) "
            func takeAway(_ what: String, _ phrases: [String]) {
                let candidates = phrases.flatMap { phrase in
                    let lower = phrase.lowercased()
                    // Romance nouns come with their article, which titles leave out.
                    return [lower] + (lower.split(separator: " ", maxSplits: 1).dropFirst().map(String.init))
                }
                let found = candidates.filter { rest.contains($0) }.max { $0.count < $1.count }
                #expect(found != nil, "\(image.job.product.sku): no \(what) in \(image.job.spec.prompt)")
                if let found { rest = rest.replacing(found, with: " ", maxReplacements: 1) }
            }
            takeAway("background", words.backgrounds.filter { $0.key != "dark" }.flatMap(\.value))
            takeAway("product", words.products.values.flatMap { $0 })
            takeAway("colour", words.colours.filter { $0.key != "white" }.flatMap(\.value.all))
            if image.job.product.attributes["pattern"]?.isEmpty == false {
                takeAway("pattern", words.patterns.flatMap(\.value.all))
            }
            let joints: Set<String> = ["の", "，", "er", "e", "es"]
            let left = rest.split(separator: " ").filter { !joints.contains(String($0)) }
            #expect(left.isEmpty, "\(image.job.product.sku): \(left) left of \(image.job.spec.prompt)")
        }
    }
}
