internal import Foundation
public import PromptText
internal import Synchronization
public import Tensors

/// A PRX checkpoint folder in diffusers' layout, opened: every config read, every tensor found and of the right shape, the
/// weights mapped and not yet read.
///
/// Safe to use from several threads at once; each call brings its own thread pool.
public final class PRXCheckpoint: Sendable {
    /// Absolute path of the folder.
    public let path: String
    /// The folder's name.
    public let name: String
    /// Upstream's pipeline, such as `PRXPixelPipeline`.
    public let pipelineClass: String
    private let fingerprints = Mutex<[[String]: String]>([:])
    /// The weight files as they were mapped, or as they were found unchanged since.
    private let weights: Mutex<[FileIdentity]>
    /// Parameters of all components.
    public let parameterCount: Int
    /// Bytes of all weight files.
    public let byteCount: Int64
    /// Pixels of a side when nobody says otherwise, as the checkpoint has it.
    public let defaultSize: Int
    /// Denoising steps when nobody says otherwise: upstream's pipeline default.
    public static let defaultSteps = 28
    /// Guidance when nobody says otherwise: the default of both of upstream's pipelines (diffusers 0.42.1).
    public static let defaultGuidance = 4.0
    /// How its pipeline reads prompts.
    public let prompts: PromptReader

    private let pipeline: any ImagePipeline
    private let encoder: any TextEncoder

    /// Opens and checks a folder. Reads configs, the tokenizer and the headers of the weights, not the weights.
    /// - Throws: ``PRXError`` and ``TensorError``, naming the file and the key or tensor.
    public init(path: String) throws {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        guard FileManager.default.fileExists(atPath: "\(path)/model_index.json") else {
            throw PRXError(
                .badCheckpoint,
                "\(path) is no PRX checkpoint: model_index.json is missing (a diffusers folder is expected)")
        }
        let index = try ModelIndex(checkpoint: path)
        let present = try CheckpointFiles(root: path).paths().compactMap { FileIdentity(path: "\(path)/\($0)") }
        let transformer = try PRXTransformer2DModel(folder: "\(path)/transformer")
        let encoder = try Self.textEncoder(index, path)
        guard encoder.width == transformer.configuration.contextWidth else {
            throw PRXError(
                .badCheckpoint,
                "\(path): the text encoder is \(encoder.width) wide, the transformer expects \(transformer.configuration.contextWidth)"
            )
        }
        let scheduler = try FlowMatchEulerDiscreteScheduler(
            ConfigReader(file: "\(path)/scheduler/scheduler_config.json"))
        switch index.pipeline {
        case .pixel:
            pipeline = try PRXPixelPipeline(
                transformer: transformer, scheduler: scheduler, noiseScale: Float(index.noiseScale),
                sampleSize: index.defaultSampleSize)
        case .latent:
            pipeline = try PRXPipeline(
                transformer: transformer, scheduler: scheduler, autoencoder: AutoencoderFolder.load("\(path)/vae"),
                sampleSize: index.defaultSampleSize)
        }
        self.encoder = encoder
        do {
            prompts = try PromptReader(checkpoint: path)
        } catch {
            throw PRXError(error)
        }
        self.path = path
        name = URL(fileURLWithPath: path).lastPathComponent
        pipelineClass = index.pipeline.rawValue
        let files = CheckpointFiles(root: path)
        byteCount = try files.weightBytes()
        defaultSize = index.defaultSampleSize
        let folders = try Self.weightFolders(path, index)
        parameterCount = folders.reduce(0) { $0 + $1.tensors.values.reduce(0) { $0 + $1.count } }
        let mapped = folders.flatMap(\.identities)
        weights = Mutex(mapped)
        // The models mapped theirs between these two looks.
        if let replaced = mapped.first(where: { !present.contains($0) }) { throw Self.changed(replaced.path) }
    }

    /// Opens the text encoder of the class that `model_index.json` names.
    static func textEncoder(_ index: ModelIndex, _ path: String) throws -> any TextEncoder {
        switch index.textEncoderClass {
        case "Qwen3VLTextModel": return try Qwen3VLTextModel(folder: "\(path)/text_encoder")
        case "T5GemmaEncoder": return try T5GemmaEncoder(folder: "\(path)/text_encoder")
        case let other:
            throw PRXError(.unsupported, "\(path)/model_index.json: the text encoder \(other) is not supported")
        }
    }

    private static func weightFolders(_ path: String, _ index: ModelIndex) throws -> [WeightFolder] {
        var folders = [("transformer", "diffusion_pytorch_model"), ("text_encoder", "model")]
        if index.pipeline == .latent { folders.append(("vae", "diffusion_pytorch_model")) }
        return try folders.map { try WeightFolder(path: "\(path)/\($0.0)", base: $0.1) }
    }

    /// What sides of an image must be a multiple of, in pixels.
    public var sizeMultiple: Int { pipeline.sizeMultiple }

    /// Checks that a request can be made, without making it.
    /// - Throws: ``PRXError`` `.badRequest`.
    public func validate(_ request: GenerationRequest) throws(PRXError) {
        try pipeline.validate(request)
    }

    // MARK: Identity

    /// SHA-256 over the configs, the tokenizer and the weights, 64 hexadecimal digits: equal fingerprints, equal images.
    ///
    /// The first call reads every byte, unless large files' digests are remembered from before.
    /// - Throws: ``PRXError`` when a file cannot be read.
    public func fingerprint() throws -> String {
        try fingerprint(of: CheckpointFiles.components)
    }

    /// The same over text encoder and tokenizer alone: equal fingerprints, equal embeddings of equal tokens.
    /// - Throws: ``PRXError`` when a file cannot be read.
    public func encoderFingerprint() throws -> String {
        try fingerprint(of: ["text_encoder", "tokenizer"])
    }

    private func fingerprint(of components: [String]) throws -> String {
        try fingerprints.withLock { known in
            if let fingerprint = known[components] { return fingerprint }
            let fingerprint = try CheckpointFiles(root: path).fingerprint(of: components)
            known[components] = fingerprint
            return fingerprint
        }
    }

    /// Makes sure that the mapped weights are still those of ``fingerprint()``.
    ///
    /// A look at each file's identity. Only where nothing but times changed, as a changed mode does it, every byte is read again.
    /// - Throws: ``PRXError`` `.weightsChanged` naming the file that was overwritten, replaced or removed.
    public func verifyWeights() throws {
        try weights.withLock { weights in
            let present = weights.map { FileIdentity(path: $0.path) }
            guard present != weights else { return }
            for (before, now) in zip(weights, present) where now != before {
                guard let now, now.differsInTimesOnly(from: before) else { throw Self.changed(before.path) }
            }
            let touched = zip(weights, present).first { $0 != $1 }?.0.path ?? path
            guard try CheckpointFiles(root: path).fingerprint() == fingerprint() else { throw Self.changed(touched) }
            weights = present.compactMap(\.self)
        }
    }

    private static func changed(_ file: String) -> PRXError {
        PRXError(
            .weightsChanged,
            "\(file) was changed while it was in use: what is made with it is not what its fingerprint says. Put weights into a new folder, and start workers on that"
        )
    }

    // MARK: Text

    /// Cleans and tokenises a text; see ``PromptReader/read(_:cleaning:maximumTokens:)``.
    /// - Throws: ``PRXError`` `.badPrompt` when cleaning leaves nothing of a text that had something, `.badCheckpoint` when the
    ///   tokenizer knows tokens that the encoder does not.
    public func prepare(
        _ text: String, cleaning: TextCleaning? = nil, maximumTokens: Int? = nil
    ) throws -> Prompt {
        let prompt: Prompt
        do {
            prompt = try prompts.read(text, cleaning: cleaning, maximumTokens: maximumTokens)
        } catch {
            throw PRXError(error)
        }
        if let bad = prompt.tokens.first(where: { $0 < 0 || Int($0) >= encoder.vocabularySize }) {
            throw PRXError(
                .badCheckpoint, "\(path): the tokenizer gives id \(bad), the text encoder has \(encoder.vocabularySize)"
            )
        }
        return prompt
    }

    /// Runs the text encoder.
    public func embed(_ prompt: Prompt, pool: ThreadPool) -> TextEmbedding {
        embed(tokens: prompt.tokens, offset: prompt.offset, pool: pool)
    }

    /// Runs the text encoder on the tokens and the padding of a ``Prompt``.
    public func embed(tokens: [Int32], offset: Int, pool: ThreadPool) -> TextEmbedding {
        embed([TokenSequence(tokens: tokens, offset: offset)], pool: pool)[0]
    }

    /// Runs the text encoder on several prompts: the same embeddings as one by one, in less time.
    public func embed(_ prompts: [Prompt], pool: ThreadPool) -> [TextEmbedding] {
        embed(prompts.map { TokenSequence(tokens: $0.tokens, offset: $0.offset) }, pool: pool)
    }

    /// A text without tokens has an embedding without rows.
    private func embed(_ texts: [TokenSequence], pool: ThreadPool) -> [TextEmbedding] {
        var encoded = encoder.encode(texts.filter { !$0.tokens.isEmpty }, pool: pool)[...]
        return texts.map { text in
            (text.tokens.isEmpty ? nil : encoded.popFirst())
                ?? TextEmbedding(count: 0, width: encoder.width, values: FloatBuffer(count: 0))
        }
    }

    /// Floats a token of an embedding.
    public var embeddingWidth: Int { encoder.width }

    // MARK: Images

    /// Makes images; see ``ImagePipeline``.
    public func generate(
        _ request: GenerationRequest, prompt: TextEmbedding, negative: TextEmbedding?, pool: ThreadPool,
        checkpoint: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> GenerationResult {
        try pipeline.generate(request, prompt: prompt, negative: negative, pool: pool, checkpoint: checkpoint)
    }
}
