internal import PackshotJobs

/// A shot fitted to a catalog's columns and a model's defaults.
struct BoundShot {
    let name: String
    /// What a person may not have meant, though it can be done.
    private(set) var warnings: [CatalogError.Problem] = []
    let variants: Int
    let priority: Int

    /// What each of its images takes.
    var workload: Plan.Workload { Plan.Workload(width: width, height: height, steps: steps, guidance: guidance) }

    private let seed: Shot.SeedPolicy
    private let width: Int
    private let height: Int
    private let steps: Int
    private let guidance: Double
    private let textCleaning: PromptCleaning?
    private let shortcuts: Shortcuts?
    private let prompt: BoundTemplate
    private let negativePrompt: BoundTemplate?
    private let choices: [String: BoundTemplate]
    private let choiceColumn: Int?
    private let choiceIsLocale: Bool

    /// Why a prompt cannot be made.
    struct Failure: Error {
        var line: Int?
        let key: String
        let message: String
    }

    init(_ shot: Shot, columns: CatalogColumns, defaults: Plan.Defaults) throws(Failure) {
        name = shot.name
        variants = shot.variants
        priority = shot.priority
        seed = shot.seed
        width = shot.width ?? defaults.width
        height = shot.height ?? defaults.height
        steps = shot.steps ?? defaults.steps
        guidance = shot.guidance ?? defaults.guidance
        textCleaning = shot.textCleaning
        shortcuts = shot.shortcuts
        prompt = try BoundShot.bind(shot.prompt, columns, key: "prompt")
        negativePrompt =
            if let template = shot.negativePrompt {
                try BoundShot.bind(template, columns, key: "negative_prompt")
            } else {
                nil
            }
        var choices: [String: BoundTemplate] = [:]
        choiceColumn = shot.promptChoice.flatMap { columns.index(of: $0.column) }
        choiceIsLocale = ["locale", "language", "lang"].contains(shot.promptChoice?.column.lowercased())
        if let choice = shot.promptChoice {
            guard choiceColumn != nil else {
                throw Failure(
                    key: "prompt_by",
                    message: "the catalog has no column \(choice.column.excerpt)"
                        + Spelling.hint(for: choice.column, among: columns.names)
                        + "; it has: \(CatalogHeader.list(columns.names))")
            }
            for (value, template) in choice.prompts {
                choices[value] = try BoundShot.bind(template, columns, key: "prompt_by, value \(value.excerpt)")
            }
        }
        self.choices = choices
        warn(of: prompt, shot.prompt, key: "prompt")
        if let negativePrompt, let template = shot.negativePrompt {
            warn(of: negativePrompt, template, key: "negative_prompt")
        }
        for (value, template) in (shot.promptChoice?.prompts ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let bound = choices[value] { warn(of: bound, template, key: "prompt_by, value \(value.excerpt)") }
        }
    }

    private mutating func warn(of bound: BoundTemplate, _ template: PromptTemplate, key: String) {
        var messages = bound.warnings
        if bound.namesNoColumn, key != "negative_prompt" {
            messages.append(
                "names no column, so that every product gets the same prompt, \(bound.source.excerpt); {{title}} stands for a column"
            )
        }
        warnings += messages.map {
            CatalogError.Problem(line: template.line, message: "shot \"\(name)\", key \(key): \($0)")
        }
    }

    /// The template for a product.
    func template(for product: Product) -> BoundTemplate {
        guard let choiceColumn else { return prompt }
        let value = product.values[choiceColumn].lowercased()
        if let choice = choices[value] { return choice }
        if choiceIsLocale, let language = value.split(whereSeparator: { $0 == "-" || $0 == "_" }).first,
            let choice = choices[String(language)]
        {
            return choice
        }
        return prompt
    }

    /// Prompts and settings for a product; only the seed differs between variants.
    /// - Throws: ``Failure`` for a prompt that is empty or too long.
    func spec(for product: Product) throws(Failure) -> GenerationSpec {
        do throws(PromptTemplate.Failure) {
            let text = try template(for: product).render(product)
            guard !text.isEmpty else { throw PromptTemplate.Failure(message: "is empty for this product") }
            return GenerationSpec(
                prompt: text, negativePrompt: try negativePrompt?.render(product) ?? "", seed: 0, width: width,
                height: height, steps: steps, guidance: guidance, textCleaning: textCleaning,
                shortcuts: shortcuts)
        } catch {
            throw Failure(key: "prompt", message: error.message)
        }
    }

    /// The seed of a variant of a product.
    func seed(sku: String, variant: Int) -> UInt64 {
        switch seed {
        case .derived: Seed.derived(sku: sku, shot: name, variant: variant)
        case .fixed(let number): UInt64(number) + UInt64(variant)
        }
    }

    private static func bind(
        _ template: PromptTemplate, _ columns: CatalogColumns, key: String
    ) throws(Failure) -> BoundTemplate {
        do throws(PromptTemplate.Failure) {
            return try BoundTemplate(template, columns: columns)
        } catch {
            throw Failure(line: template.line, key: key, message: error.message)
        }
    }
}
