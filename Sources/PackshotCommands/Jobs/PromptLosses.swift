internal import PackshotJobs
internal import PromptText

/// Finds out what a batch's prompts lose on their way to the model, so that it can be said before a night's work: letters that
/// cleaning takes out, and what is cut because the model reads only so many tokens.
///
/// Only prompts that may lose something are looked at, each once for all variants of a shot, and of letters and of length the
/// first 20,000 each.
struct PromptLosses {
    private static let most = 20_000

    private let reader: PromptReader
    private var lettersSeen = 0
    private var lettersLost = 0
    private var letterExample: (sku: String, prompt: String, effective: String)?
    private var images = 0
    private var long = 0
    private var cut: Cut?
    /// The last prompt looked at and what it lost: variants follow each other.
    private var last: (prompt: String, cleaning: PromptCleaning?, tokens: Int?)?

    /// Prompts that are longer than the model reads.
    struct Cut: Encodable {
        /// Images with such a prompt, among the first so many that might have one, of all.
        fileprivate(set) var images = 0
        fileprivate(set) var lookedAt = 0
        fileprivate(set) var of = 0
        /// Tokens that are read, special ones included.
        let maximumTokens: Int
        /// The first of them, its tokens and the end of its text that the model does not see.
        let sku: String
        let shot: String
        let tokens: Int
        let lost: String
    }

    init(reader: PromptReader) {
        self.reader = reader
    }

    mutating func look(at job: PlannedJob) {
        images += 1
        lookForLetters(job)
        lookAtLength(job)
    }

    /// What is cut; nil when nothing is.
    var cutPrompts: Cut? {
        guard var cut else { return nil }
        (cut.lookedAt, cut.of) = (min(long, Self.most), images)
        return cut
    }

    /// What to tell the person who submits.
    var warnings: [String] {
        [letters, length].compactMap(\.self)
    }

    private var letters: String? {
        guard let letterExample else { return nil }
        return "cleaning takes letters out of \(lettersLost) of \(lettersSeen) prompts looked at: SKU "
            + "\(letterExample.sku), \(letterExample.prompt.prefix(80).debugDescription) becomes "
            + "\(letterExample.effective.prefix(80).debugDescription). text_cleaning: light in the shots file keeps them"
    }

    private var length: String? {
        guard let cut = cutPrompts else { return nil }
        let total = long > Self.most ? "the first \(Self.most) long ones of \(images)" : "\(images)"
        return
            "the prompts of \(cut.images) of \(total) images are longer than the \(cut.maximumTokens) tokens that the model "
            + "reads, and will be cut: that of SKU \(cut.sku), shot \(cut.shot), has \(cut.tokens), and the model does not see "
            + "\(Self.shown(cut.lost)). Put what matters first, or use shorter columns"
    }

    private static func shown(_ text: String) -> String {
        text.count <= 160 ? text.debugDescription : "\"\(text.prefix(80)) … \(text.suffix(70))\""
    }

    private mutating func lookForLetters(_ job: PlannedJob) {
        guard lettersSeen < Self.most, job.spec.textCleaning != .light, reader.cleaning == .full,
            job.spec.prompt.utf8.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "@") })
        else { return }
        lettersSeen += 1
        let cleaned = TextCleaning.full.cleanedPrompt(job.spec.prompt)
        guard cleaned.droppedLetters || cleaned.wasEmptied else { return }
        lettersLost += 1
        if letterExample == nil { letterExample = (job.product.sku, job.spec.prompt, cleaned.effective) }
    }

    private mutating func lookAtLength(_ job: PlannedJob) {
        guard reader.mayBeCut(job.spec.prompt) else { return }
        long += 1
        guard long <= Self.most, let tokens = tokens(of: job) else { return }
        if cut == nil, let prompt = read(job) {
            cut = Cut(
                maximumTokens: reader.maximumTokens, sku: job.product.sku, shot: job.shot, tokens: tokens,
                lost: reader.lostText(of: prompt))
        }
        cut?.images += 1
    }

    /// The tokens of a prompt that is cut; nil for one that is not.
    private mutating func tokens(of job: PlannedJob) -> Int? {
        if let last, last.prompt == job.spec.prompt, last.cleaning == job.spec.textCleaning { return last.tokens }
        let tokens = read(job).flatMap { $0.tokenCount > $0.tokens.count ? $0.tokenCount : nil }
        last = (job.spec.prompt, job.spec.textCleaning, tokens)
        return tokens
    }

    /// nil for a prompt of which cleaning leaves nothing.
    private func read(_ job: PlannedJob) -> Prompt? {
        try? reader.read(job.spec.prompt, cleaning: job.spec.textCleaning == .light ? .light : nil)
    }
}
