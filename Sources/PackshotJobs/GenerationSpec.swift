internal import Digests

/// How prompts are cleaned before they are tokenised.
package enum PromptCleaning: String, CaseIterable, Codable, Sendable {
    /// As the model's pipeline in the reference does; PRX's latent pipelines lower the case and take URLs, Han characters, sizes
    /// and product numbers out.
    case full
    /// Encoding repaired and white space trimmed, nothing more.
    case light
}

/// What the pixels of an image depend on, besides the weights.
package struct GenerationSpec: Hashable, Codable, Sendable {
    /// The prompt as the template gave it, before the model's own cleaning.
    package var prompt: String
    /// What to steer away from; empty for nothing.
    package var negativePrompt: String
    /// Seed of PyTorch's CPU generator, which reads the low 32 bits.
    package var seed: UInt64
    /// Pixels.
    package var width: Int
    /// Pixels.
    package var height: Int
    /// Denoising steps, at least 1.
    package var steps: Int
    /// Classifier-free guidance scale; 1 runs no unconditional pass.
    package var guidance: Double

    /// How the prompts are cleaned; nil for ``PromptCleaning/full``.
    package var textCleaning: PromptCleaning?
    /// What may be left out for speed; nil for the exact image.
    package var shortcuts: Shortcuts?

    package init(
        prompt: String, negativePrompt: String, seed: UInt64, width: Int, height: Int, steps: Int, guidance: Double,
        textCleaning: PromptCleaning? = nil, shortcuts: Shortcuts? = nil
    ) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.seed = seed
        self.width = width
        self.height = height
        self.steps = steps
        self.guidance = guidance
        self.textCleaning = textCleaning
        self.shortcuts = shortcuts
    }

    /// The identity of a job: what it makes, with which weights, for which product, to which place.
    ///
    /// Submitting the same again finds the same key and makes nothing twice. The fields are hashed with their lengths,
    /// so no two different lists of fields can run together into the same bytes.
    /// - Returns: 32 bytes, SHA-256.
    package func uniqueKey(
        model: ModelFingerprint, outputRoot: String, sku: String, shot: String, variant: Int
    ) -> [UInt8] {
        var text = IdentityText()
        text.add("packshot-job-1")
        text.add(model.rawValue)
        text.add(prompt)
        text.add(negativePrompt)
        text.add(String(seed))
        text.add(String(width))
        text.add(String(height))
        text.add(String(steps))
        text.add(String(guidance.bitPattern))
        text.add(outputRoot)
        text.add(sku)
        text.add(shot)
        text.add(String(variant))
        if let textCleaning { text.add(textCleaning.rawValue) }
        if let shortcuts {
            text.add("shortcuts")
            text.add(shortcuts.identity)
        }
        return SHA256Digest.hash(text.bytes)
    }
}

/// Fields one after the other, each behind its length in bytes and a colon.
private struct IdentityText {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(512) }

    mutating func add(_ field: String) {
        bytes.append(contentsOf: String(field.utf8.count).utf8)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: field.utf8)
    }
}
