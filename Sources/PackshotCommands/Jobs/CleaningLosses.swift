internal import PackshotJobs
internal import PromptText

/// Finds out whether cleaning takes letters out of a batch's prompts, so that it can be said before a night's work.
///
/// Looks at the first 2,000 prompts that have anything beyond ASCII in them, or an address.
struct CleaningLosses {
    private static let most = 2_000

    private let reader: PromptReader
    private var seen = 0
    private var lost = 0
    private var example: (sku: String, prompt: String, effective: String)?

    init(reader: PromptReader) {
        self.reader = reader
    }

    mutating func look(at job: PlannedJob) {
        guard seen < Self.most, job.spec.textCleaning != .light, reader.cleaning == .full,
            job.spec.prompt.utf8.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "@") })
        else { return }
        seen += 1
        let cleaned = TextCleaning.full.cleanedPrompt(job.spec.prompt)
        guard cleaned.droppedLetters || cleaned.wasEmptied else { return }
        lost += 1
        if example == nil { example = (job.product.sku, job.spec.prompt, cleaned.effective) }
    }

    /// What to tell the person who submits; nil when nothing is lost.
    var warning: String? {
        guard let example else { return nil }
        return "cleaning takes letters out of \(lost) of \(seen) prompts looked at: SKU \(example.sku), "
            + "\(example.prompt.prefix(80).debugDescription) becomes \(example.effective.prefix(80).debugDescription). "
            + "text_cleaning: light in the shots file keeps them"
    }
}
