internal import Foundation

/// How a checkpoint's pipeline reads prompts: its cleaning, its tokenizer, and how many tokens it keeps.
///
/// Opens no weights and computes with no floats, so that whoever only plans or counts needs neither. What the encoder gets is
/// decided here and nowhere else.
public struct PromptReader: Sendable {
    /// Tokens a prompt is cut to, special ones included.
    public let maximumTokens: Int
    /// How the pipeline cleans prompts.
    public let cleaning: TextCleaning

    private let tokenizer: Tokenizer

    private struct Index: Decodable {
        let _class_name: String
        let prompt_max_tokens: Int?
    }

    /// Reads `model_index.json` and the tokenizer of a checkpoint folder.
    /// - Throws: ``PromptTextError`` `.badCheckpoint` or `.unsupported`, naming the file and the key.
    public init(checkpoint path: String) throws(PromptTextError) {
        let file = "\(path)/model_index.json"
        let index: Index
        do {
            index = try JSONDecoder().decode(Index.self, from: JSONFile.contents(of: file))
        } catch let error as PromptTextError {
            throw error
        } catch {
            throw PromptTextError(.badCheckpoint, "\(file): _class_name or prompt_max_tokens has the wrong type")
        }
        switch index._class_name {
        case "PRXPixelPipeline":
            maximumTokens = index.prompt_max_tokens ?? 256
            cleaning = .light
        case "PRXPipeline":
            maximumTokens = try TokenizerFile.modelMaximumLength(folder: "\(path)/tokenizer") ?? 256
            cleaning = .full
        case let other:
            throw PromptTextError(.unsupported, "\(file): the pipeline \(other) is not supported")
        }
        guard (1...65_536).contains(maximumTokens) else {
            throw PromptTextError(
                .badCheckpoint, "\(file): prompt_max_tokens is \(maximumTokens), expected 1 to 65536")
        }
        tokenizer = try Tokenizer(folder: "\(path)/tokenizer")
    }

    /// Cleans and tokenises a text.
    /// - Parameters:
    ///   - cleaning: nil for the pipeline's own.
    ///   - maximumTokens: Tokens to cut to; nil for the pipeline's own number.
    /// - Throws: ``PromptTextError`` `.badPrompt` when cleaning leaves nothing of a text that had something.
    public func read(
        _ text: String, cleaning: TextCleaning? = nil, maximumTokens: Int? = nil
    ) throws(PromptTextError) -> Prompt {
        let cleaning = cleaning ?? self.cleaning
        let cleaned = cleaning.cleanedPrompt(text)
        guard !cleaned.effective.isEmpty || text.isEmpty else {
            throw PromptTextError(
                .badPrompt, "nothing is left of the prompt \(text.debugDescription.prefix(80)) after cleaning")
        }
        let encoded = tokenizer.encode(cleaned.effective, maxLength: maximumTokens ?? self.maximumTokens)
        return Prompt(
            effectiveText: cleaned.effective, tokens: encoded.tokens, offset: encoded.padOffset,
            tokenCount: encoded.tokenCountBeforeTruncation, cleaning: cleaning, droppedLetters: cleaned.droppedLetters)
    }

    /// Whether a text may have more tokens than are kept; false only when it cannot. Looks at its bytes alone, so that it costs
    /// next to nothing where prompts are short.
    public func mayBeCut(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            // Cleaning makes plain ASCII no longer; what else it makes of a text is at most three times as long.
            guard tokenizer.mostTokens(bytes: 3 * bytes.count, isASCII: false) > maximumTokens else { return false }
            guard bytes.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "&") }) else { return true }
            return tokenizer.mostTokens(bytes: bytes.count, isASCII: true) > maximumTokens
        }
    }

    /// The end of a prompt's effective text that its encoder does not see; empty when it sees all of it.
    ///
    /// Found by tokenising ever shorter beginnings: a tokenizer's words do not say where in the text they are.
    public func lostText(of prompt: Prompt) -> String {
        guard prompt.tokenCount > prompt.tokens.count else { return "" }
        let scalars = Array(prompt.effectiveText.unicodeScalars)
        func text(_ part: ArraySlice<Unicode.Scalar>) -> String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: part)
            return String(view)
        }
        var (kept, lost) = (0, scalars.count)
        while lost - kept > 1 {
            let middle = (kept + lost) / 2
            let count = tokenizer.encode(text(scalars[..<middle]), maxLength: maximumTokens).tokenCountBeforeTruncation
            if count <= maximumTokens { kept = middle } else { lost = middle }
        }
        return text(scalars[kept...])
    }
}
