/// `model_index.json`: which pipeline a checkpoint is for, and its defaults.
struct ModelIndex {
    /// Upstream's pipelines.
    enum Pipeline: String {
        case latent = "PRXPipeline"
        case pixel = "PRXPixelPipeline"
    }

    let pipeline: Pipeline
    /// Pixels of a side when nobody says otherwise. A missing key has the pipeline's default.
    let defaultSampleSize: Int
    /// Standard deviation of a pixel pipeline's initial noise.
    let noiseScale: Double
    /// Class of the text encoder.
    let textEncoderClass: String

    /// Reads a checkpoint's index.
    /// - Throws: ``PRXError`` for what is not understood.
    init(checkpoint: String) throws(PRXError) {
        let config = try ConfigReader(file: "\(checkpoint)/model_index.json")
        let name = try config.word(
            "_class_name", "", among: [Pipeline.latent, .pixel].map(\.rawValue))
        guard let pipeline = Pipeline(rawValue: name) else { throw config.error("_class_name", "is missing") }
        self.pipeline = pipeline
        defaultSampleSize = try config.int(
            "default_sample_size", pipeline == .pixel ? 1024 : 512, in: 1...GenerationRequest.maximumSide)
        noiseScale = try pipeline == .pixel ? config.number("noise_scale", 2, in: ConfigReader.positive) : 1
        let encoders: [Pipeline: String] = [.latent: "T5GemmaEncoder", .pixel: "Qwen3VLTextModel"]
        textEncoderClass = try config.component("text_encoder") ?? encoders[pipeline] ?? ""
        try Self.demand(config, "transformer", "PRXTransformer2DModel")
        try Self.demand(config, "scheduler", "FlowMatchEulerDiscreteScheduler")
        if pipeline == .latent {
            try Self.demand(config, "vae", "AutoencoderKL", "AutoencoderDC")
        } else {
            _ = try config.component("vae")
            // Read with the tokenizer, by `PromptReader`.
            config.inert(["prompt_max_tokens"])
        }
        _ = try config.component("tokenizer")
        try config.finish()
    }

    private static func demand(_ config: ConfigReader, _ key: String, _ classes: String...) throws(PRXError) {
        guard let name = try config.component(key), !classes.contains(name) else { return }
        throw config.error(key, "is of class \(name), expected \(classes.joined(separator: " or "))", .unsupported)
    }
}
