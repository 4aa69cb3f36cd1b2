package import PackshotJobs

/// A named recipe: which pictures to make of every product.
package struct Shot: Hashable, Sendable {
    /// Where seeds come from.
    package enum SeedPolicy: Hashable, Sendable {
        /// From SKU, shot and variant; see ``Seed``.
        case derived
        /// This number for variant 0, and one more for each further variant. `0...4_294_967_295`.
        case fixed(UInt32)
    }

    /// Prompts for particular values of a column.
    package struct PromptChoice: Hashable, Sendable {
        /// The column that decides.
        package let column: String
        /// Prompts by value, letter case ignored (keys are lower case).
        package let prompts: [String: PromptTemplate]
    }

    /// Letters, digits, `-` and `_` of ASCII, 1 to 40; part of file names.
    package var name: String
    /// The prompt, where ``promptChoice`` has no other.
    package var prompt: PromptTemplate
    /// Other prompts for some products, such as those in another language.
    package var promptChoice: PromptChoice?
    /// The negative prompt; nil for none.
    package var negativePrompt: PromptTemplate?
    /// Pixels; nil for the model's own.
    package var width: Int?
    /// Pixels; nil for the model's own.
    package var height: Int?
    /// Denoising steps; nil for the model's own.
    package var steps: Int?
    /// How prompts are cleaned; nil for the model's own way.
    package var textCleaning: PromptCleaning?
    /// Classifier-free guidance scale; nil for the model's own.
    package var guidance: Double?
    /// What may be left out for speed; nil for exact images.
    package var shortcuts: Shortcuts?
    /// Where seeds come from.
    package var seed: SeedPolicy = .derived
    /// Images of each product, at least 1.
    package var variants = 1
    /// 0 (first) to 9 (last).
    package var priority = 4

    init(name: String, prompt: PromptTemplate) {
        self.name = name
        self.prompt = prompt
    }

    /// What is made when no shots file is given: one picture on a plain light background, named `main`.
    package static let standard: [Shot] = {
        let source = "{{title}} on a white background, studio product photo"
        do throws(PromptTemplate.Failure) {
            return [Shot(name: "main", prompt: try PromptTemplate(source))]
        } catch {
            preconditionFailure("the built-in prompt is wrong: \(error.message)")
        }
    }()
}
