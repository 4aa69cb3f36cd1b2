internal import Foundation
public import Tensors

/// The autoencoder of FLUX.1 and of most PRX checkpoints: ResNets with group normalisation, attention in the middle.
///
/// Port of `AutoencoderKL`, diffusers `autoencoder_kl.py`; parity is held by `AutoencoderKLParityTests`. At 1024x1024, decoding
/// with FLUX.1's sizes takes 1.5 GB at most besides the weights.
public final class AutoencoderKL: Autoencoder {
    /// The model's shape.
    public let configuration: AutoencoderKLConfiguration
    private let encoder: KLEncoder
    private let decoder: KLDecoder

    /// Channels of the latents.
    public var latentChannels: Int { configuration.latentChannels }
    /// Pixels of the image in a row or column of one latent.
    public var spatialFactor: Int { configuration.spatialFactor }
    /// What latents are multiplied with for the diffusion model.
    public var scalingFactor: Double { configuration.scalingFactor }
    /// What is taken from latents before that.
    public var shiftFactor: Double { configuration.shiftFactor }

    /// Opens a `vae/` folder.
    /// - Throws: ``PRXError`` naming file and key; ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public convenience init(folder: String) throws {
        let configuration = try AutoencoderKLConfiguration(ConfigReader(file: "\(folder)/config.json"))
        try self.init(
            configuration: configuration, weights: WeightFolder(path: folder, base: "diffusion_pytorch_model"))
    }

    /// A model over given weights. The attention's maps may have the names of older checkpoints (`query` for `to_q`).
    /// - Throws: ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public init(configuration: AutoencoderKLConfiguration, weights: WeightFolder) throws {
        let older = AutoencoderKLConfiguration.olderAttentionNames
        let isOlder = weights.tensors["decoder.mid_block.attentions.0.\(older[0]).weight"] != nil
        let names = isOlder ? older : AutoencoderKLConfiguration.attentionNames
        try weights.check(against: configuration.expectedTensors(attentionNames: names))
        self.configuration = configuration
        let tensors = AutoencoderWeights(folder: weights)
        encoder = try KLEncoder(configuration, tensors, attentionNames: names)
        decoder = try KLDecoder(configuration, tensors, attentionNames: names)
    }

    /// Decodes latents; see ``Autoencoder/decode(_:on:checkpoint:)``.
    public func decode(_ latents: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void) throws -> FloatImage {
        try decode(latents, on: pool, observe: nil, checkpoint: checkpoint)
    }

    /// Decodes, and shows intermediate maps, `[C, H, W]`, to `observe`.
    /// - Parameter largeMap: Floats from which on a map gives its memory to its successors, so that tests need no large maps.
    package func decode(
        _ latents: FloatImage, on pool: ThreadPool, largeMap: Int? = nil,
        observe: ((_ name: String, _ map: FloatImage) -> Void)?, checkpoint: () throws -> Void
    ) throws -> FloatImage {
        try check(latents, channels: latentChannels, multiple: 1, what: "latents")
        return try withoutActuallyEscaping(checkpoint) { checkpoint in
            let work = Workspace(pool: pool, largeMap: largeMap ?? Workspace.standardLargeMap)
            return try decoder(latents, run: AutoencoderRun(work: work, checkpoint: checkpoint, observe: observe))
        }
    }

    /// The mode of the posterior; see ``posterior(of:on:checkpoint:)``.
    public func encode(_ image: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void) throws -> FloatImage {
        try posterior(of: image, on: pool, checkpoint: checkpoint).mean
    }

    /// The distribution of an image's latents.
    /// - Parameter image: `[3, H, W]`, -1 to 1; both sides multiples of `spatialFactor`.
    /// - Throws: ``PRXError`` `.badRequest` for an image of another shape; what `checkpoint`, called between layers, throws.
    public func posterior(
        of image: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void
    ) throws -> DiagonalGaussianDistribution {
        try posterior(of: image, on: pool, observe: nil, checkpoint: checkpoint)
    }

    /// Encodes, and shows intermediate maps, `[C, H, W]`, to `observe`.
    package func posterior(
        of image: FloatImage, on pool: ThreadPool, observe: ((_ name: String, _ map: FloatImage) -> Void)?,
        checkpoint: () throws -> Void
    ) throws -> DiagonalGaussianDistribution {
        try check(image, channels: configuration.inChannels, multiple: spatialFactor, what: "an image")
        let moments = try withoutActuallyEscaping(checkpoint) { checkpoint in
            try encoder(
                image, run: AutoencoderRun(work: Workspace(pool: pool), checkpoint: checkpoint, observe: observe))
        }
        return DiagonalGaussianDistribution(moments: moments)
    }
}
