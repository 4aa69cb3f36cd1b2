internal import Digests
package import PRX
package import PackshotJobs
package import PromptText
internal import Tensors

/// PRX as the worker's image generator.
///
/// The sampler and the encoder have thread pools of their own, since they work at the same time: the encoder's has one
/// thread, so that a short prompt does not hold up a long image.
package struct PRXImageGenerator: ImageGenerator {
    package let model: ModelRecord
    package let threads: Int
    private let checkpoint: PRXCheckpoint
    private let samplerPool: ThreadPool
    private let encoderPool: ThreadPool
    private let encoderFingerprint: String

    /// - Parameter threads: CPU threads of one generation, at least 1. They change the speed, never the bytes.
    /// - Throws: ``PRXError`` when the weights cannot be read for their fingerprint.
    package init(checkpoint: PRXCheckpoint, threads: Int) throws {
        self.checkpoint = checkpoint
        self.threads = max(1, threads)
        model = try ModelRecord(checkpoint)
        encoderFingerprint = try checkpoint.encoderFingerprint()
        samplerPool = ThreadPool(threads: self.threads)
        encoderPool = ThreadPool(threads: 1)
    }

    package var kernelClass: String { KernelClass.current.rawValue }

    package func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
        do {
            let prepared = try checkpoint.prepare(prompt, cleaning: TextCleaning(asked: cleaning))
            var key = SHA256Digest()
            key.update("\(encoderFingerprint):\(prepared.offset):")
            prepared.tokens.withUnsafeBytes { key.update($0) }
            return PreparedPrompt(
                effectiveText: prepared.effectiveText, tokens: prepared.tokens, offset: prepared.offset,
                tokenCount: prepared.tokenCount, cleaning: PromptCleaning(prepared.cleaning),
                droppedLetters: prepared.droppedLetters, key: key.finish())
        } catch let error as PRXError where error.code == .badPrompt {
            throw GenerationError(.badPrompt, error.message)
        }
    }

    package func embed(_ prompt: PreparedPrompt) throws -> [UInt8] {
        let embedding = checkpoint.embed(tokens: prompt.tokens, offset: prompt.offset, pool: encoderPool).bytes
        try verifyWeights()
        return embedding
    }

    /// Makes sure that what was just computed was computed with the weights whose fingerprint the images carry.
    private func verifyWeights() throws {
        do {
            try checkpoint.verifyWeights()
        } catch let error as PRXError where error.code == .weightsChanged {
            throw WeightsChanged(error.message)
        }
    }

    package func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { spec.guidance > 1 }

    package func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage {
        let width = checkpoint.embeddingWidth
        guard let text = TextEmbedding(bytes: prompt, width: width) else {
            throw DamagedEmbedding(byteCount: prompt.count, width: width)
        }
        var negative: TextEmbedding?
        if let negativePrompt {
            negative = TextEmbedding(bytes: negativePrompt, width: width)
            guard negative != nil else { throw DamagedEmbedding(byteCount: negativePrompt.count, width: width) }
        }
        do {
            let result = try checkpoint.generate(
                GenerationRequest(
                    seed: spec.seed, steps: spec.steps, guidance: spec.guidance, width: spec.width, height: spec.height,
                    shortcuts: SamplingShortcuts(asked: spec.shortcuts)),
                prompt: text, negative: negative, pool: samplerPool, checkpoint: onStep)
            try verifyWeights()
            let image = result.images[0]
            return GeneratedImage(
                width: image.width, height: image.height, rgb: image.pixels,
                sampleTime: result.sampleTime.wholeMicroseconds, decodeTime: result.decodeTime.wholeMicroseconds,
                reusedSteps: result.reusedSteps[0])
        } catch let error as PRXError where error.code == .badRequest {
            throw GenerationError(.badSettings, error.message)
        } catch let error as PRXError where error.code == .notFinite {
            // Weights that were overwritten meanwhile are no fault of the job's.
            try verifyWeights()
            throw GenerationError(.notFinite, error.message)
        }
    }
}

extension TextCleaning {
    /// What to ask the checkpoint for: nil, its own way, unless something else is asked for.
    package init?(asked cleaning: PromptCleaning?) {
        guard cleaning == .light else { return nil }
        self = .light
    }
}

extension SamplingShortcuts {
    /// The sampler's settings for a job's.
    package init(asked shortcuts: Shortcuts?) {
        self.init(
            stepCache: shortcuts?.stepCache ?? 0, guidanceShare: shortcuts?.guidanceShare ?? 1,
            solverOrder: shortcuts?.solverOrder ?? 1, activationBits: shortcuts?.activationBits ?? 24)
    }
}

extension PromptCleaning {
    /// The ledger's word for what the pipeline did.
    package init(_ cleaning: TextCleaning) {
        self = cleaning == .full ? .full : .light
    }
}

/// An embedding whose bytes are no whole number of tokens; the cache's checksums make it unlikely, and another try helps.
private struct DamagedEmbedding: Error, CustomStringConvertible {
    let byteCount: Int
    let width: Int
    var description: String { "an embedding of \(byteCount) bytes is not made of tokens of \(width) floats" }
}

extension ModelRecord {
    /// The record of an opened checkpoint.
    /// - Throws: ``PRXError`` when the weights cannot be read for their fingerprint.
    package init(_ checkpoint: PRXCheckpoint) throws {
        self.init(
            fingerprint: ModelFingerprint(rawValue: try checkpoint.fingerprint()), name: checkpoint.name,
            path: checkpoint.path,
            pipelineClass: checkpoint.pipelineClass, parameterCount: Int64(checkpoint.parameterCount),
            byteCount: checkpoint.byteCount)
    }
}
