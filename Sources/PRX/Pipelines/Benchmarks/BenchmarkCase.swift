package import Tensors

/// A part of a pipeline, prepared for timing: weights opened, inputs made up, memory taken.
package struct BenchmarkCase {
    /// Multiplications and additions of one run as the model defines them, without padding; nil where nobody counted.
    package let operations: Double?
    /// The large matrix products of one run, for comparing with the bare products.
    package let products: [MatrixProduct]
    /// Does the work once.
    package let run: () throws -> Void

    /// One denoising step of a checkpoint's transformer.
    /// - Parameters:
    ///   - folder: The checkpoint's.
    ///   - size: Pixels of a side of a square image.
    ///   - tokens: Real tokens of the prompt; with guidance the negative prompt has one.
    /// - Throws: ``PRXError`` and ``TensorError``.
    package static func step(
        folder: String, size: Int, tokens: Int, hasGuidance: Bool, pool: ThreadPool
    ) throws -> BenchmarkCase {
        let model = try PRXTransformer2DModel(folder: "\(folder)/transformer")
        let configuration = model.configuration
        let factor = configuration.inChannels == 3 ? 1 : try AutoencoderFolder.load("\(folder)/vae").spatialFactor
        let side = size / factor
        guard size > 0, size % (factor * configuration.patchSize) == 0 else {
            throw PRXError(.badRequest, "\(size) is no multiple of \(factor * configuration.patchSize)")
        }
        let width = configuration.contextWidth
        let texts = (hasGuidance ? [1, tokens] : [tokens]).map { count in
            TextEmbedding(count: count, width: width, values: noise(count * width, seed: UInt64(count)))
        }
        let denoiser = PRXDenoiser(
            model: model, height: side, width: side, texts: texts, timesteps: [0.75], pool: pool)
        let count = configuration.inChannels * side * side
        let latents = noise(count, seed: 7)
        let predictions = texts.map { _ in FloatBuffer(count: count) }
        let image = (side / configuration.patchSize) * (side / configuration.patchSize)
        let products = Self.products(of: configuration, rows: image * texts.count)
        return BenchmarkCase(
            operations: Self.operations(of: configuration, image: image, texts: texts.map(\.count)), products: products
        ) {
            try denoiser.predict(latents.pointer, step: 0, into: predictions) {}
        }
    }

    /// Multiplications and additions of a denoising step with guidance, at the checkpoint's default size.
    /// - Parameter tokens: Real tokens of the prompt.
    /// - Throws: ``PRXError`` when the transformer's configuration cannot be read.
    package static func stepOperations(of checkpoint: PRXCheckpoint, tokens: Int) throws -> Double {
        let configuration = try PRXTransformerConfiguration(
            ConfigReader(file: "\(checkpoint.path)/transformer/config.json"))
        let side = checkpoint.defaultSize / checkpoint.sizeMultiple
        return operations(of: configuration, image: side * side, texts: [1, tokens])
    }

    private static func products(of configuration: PRXTransformerConfiguration, rows: Int) -> [MatrixProduct] {
        let (hidden, wide, depth) = (configuration.hiddenSize, configuration.mlpWidth, configuration.depth)
        return [
            MatrixProduct(m: rows, n: 3 * hidden, k: hidden, times: depth),
            MatrixProduct(m: rows, n: hidden, k: hidden, times: depth),
            MatrixProduct(m: rows, n: wide, k: hidden, times: 2 * depth),
            MatrixProduct(m: rows, n: hidden, k: wide, times: depth),
        ]
    }

    private static func operations(
        of configuration: PRXTransformerConfiguration, image: Int, texts: [Int]
    ) -> Double {
        let hidden = Double(configuration.hiddenSize)
        let rows = image * texts.count
        let attention = texts.reduce(0.0) { $0 + 4 * Double(image) * Double(image + $1) * hidden }
        let edges = 4 * Double(rows) * hidden * Double(configuration.patchWidth)
        return products(of: configuration, rows: rows).reduce(Double(configuration.depth) * attention + edges) {
            $0 + $1.operations
        }
    }

    /// Encoding prompts with a checkpoint's text encoder, in a batch.
    /// - Throws: ``PRXError`` and ``TensorError``.
    package static func encode(
        folder: String, prompts: Int, tokens: Int, pool: ThreadPool
    ) throws -> BenchmarkCase {
        let encoder = try PRXCheckpoint.textEncoder(ModelIndex(checkpoint: folder), folder)
        let vocabulary = encoder.vocabularySize
        let texts = (0..<prompts).map { prompt in
            TokenSequence(
                tokens: (0..<tokens).map { Int32((7919 * (prompt * tokens + $0) + 104_729) % vocabulary) },
                offset: max(0, 256 - tokens))
        }
        return BenchmarkCase(operations: nil, products: []) {
            _ = encoder.encode(texts, pool: pool)
        }
    }

    /// Decoding a square image with a checkpoint's autoencoder.
    /// - Throws: ``PRXError`` and ``TensorError``.
    package static func decode(folder: String, size: Int, pool: ThreadPool) throws -> BenchmarkCase {
        let autoencoder = try AutoencoderFolder.load("\(folder)/vae")
        let side = size / autoencoder.spatialFactor
        let count = autoencoder.latentChannels * side * side
        let latents = FloatImage(
            channels: autoencoder.latentChannels, height: side, width: side, values: noise(count, seed: 11))
        return BenchmarkCase(operations: nil, products: []) {
            _ = try autoencoder.decode(latents, on: pool) {}
        }
    }

    private static func noise(_ count: Int, seed: UInt64) -> FloatBuffer {
        var generator = TorchGenerator(seed: seed)
        return FloatBuffer(generator.normal(count: count))
    }
}
