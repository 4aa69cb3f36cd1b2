package import PackshotJobs

/// What makes images, as the worker sees it. PRX fits it through ``PRXImageGenerator``; ``SimulatedImageGenerator`` and
/// tests fit it too.
///
/// The methods may block for minutes; the worker calls ``embed(_:)`` on one thread of its own and
/// ``generate(_:prompt:negativePrompt:onStep:)`` on another, possibly at the same time.
package protocol ImageGenerator: Sendable {
    /// The weights images are made with.
    var model: ModelRecord { get }

    /// The kernels that compute: generators of one class make the same bytes from the same job.
    var kernelClass: String { get }

    /// CPU threads one generation uses.
    var threads: Int { get }

    /// Cleans and tokenises a prompt, and names its embedding.
    /// - Throws: ``GenerationError`` `.badPrompt` for a text the model cannot take.
    /// - Parameter cleaning: nil for the model's own way.
    func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt

    /// Computes the embedding of a prompt.
    /// - Returns: An opaque value that survives storage byte for byte.
    /// - Throws: ``WeightsChanged``, so that no cache keeps what other weights made.
    func embed(_ prompt: PreparedPrompt) throws -> [UInt8]

    /// Makes one image. Same spec, same bytes, whatever ran before. It runs where its caller does.
    /// - Parameters:
    ///   - negativePrompt: nil when the spec's guidance needs none.
    ///   - onStep: Called between denoising steps (and more often where steps are long) with the steps done and in all;
    ///     what it throws ends the generation at once.
    func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage

    /// True when a spec makes the model look at a negative prompt.
    func needsNegativePrompt(_ spec: GenerationSpec) -> Bool
}

/// A prompt ready for the encoder.
package struct PreparedPrompt: Hashable, Sendable {
    /// The text after the model's cleaning.
    package let effectiveText: String
    /// Ids of the real tokens, without padding.
    package let tokens: [Int32]
    /// Padding tokens before the first one.
    package let offset: Int
    /// Tokens before truncation.
    package let tokenCount: Int
    /// How it was cleaned; nil when the generator does not clean.
    package let cleaning: PromptCleaning?
    /// Cleaning took letters out of it.
    package let droppedLetters: Bool
    /// SHA-256 over the encoder's fingerprint and the token ids, 32 bytes: equal keys, equal embeddings.
    package let key: [UInt8]

    package init(
        effectiveText: String, tokens: [Int32], offset: Int = 0, tokenCount: Int, cleaning: PromptCleaning? = nil,
        droppedLetters: Bool = false, key: [UInt8]
    ) {
        self.effectiveText = effectiveText
        self.tokens = tokens
        self.offset = offset
        self.tokenCount = tokenCount
        self.cleaning = cleaning
        self.droppedLetters = droppedLetters
        self.key = key
    }
}

/// Pixels as they came out, and how long the stages took.
package struct GeneratedImage: Sendable {
    /// Pixels.
    package let width: Int
    package let height: Int
    /// `height * width * 3` bytes, rows from the top, red green blue.
    package let rgb: [UInt8]
    /// Microseconds.
    package let sampleTime: Int64
    package let decodeTime: Int64
    /// Steps that reused an earlier one's work.
    package let reusedSteps: Int

    package init(width: Int, height: Int, rgb: [UInt8], sampleTime: Int64, decodeTime: Int64, reusedSteps: Int = 0) {
        self.width = width
        self.height = height
        self.rgb = rgb
        self.sampleTime = sampleTime
        self.decodeTime = decodeTime
        self.reusedSteps = reusedSteps
    }
}

/// The weights are not what they were when their fingerprint was taken: what a generator made with them is nothing, and neither is
/// what it would make.
package struct WeightsChanged: Error, Hashable, Sendable, CustomStringConvertible {
    /// Names the file, and says what to do.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Why a job cannot be made, however often it is tried.
package struct GenerationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Short and stable; it becomes the attempt's failure code.
    package enum Code: String, Sendable {
        /// The text cannot be used: emptied by cleaning, or not encodable.
        case badPrompt = "bad_prompt"
        /// Size, steps or guidance out of what the model takes.
        case badSettings = "bad_settings"
        /// The picture came out with values that are no numbers: the same weights would make it so again.
        case notFinite = "not_finite"
    }

    package let code: Code
    package let message: String
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    package var description: String { message }
}
