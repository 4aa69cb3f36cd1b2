public import Tensors

/// The deep-compression autoencoder of SANA and of PRX's `-dc-ae` checkpoints.
///
/// Port of `AutoencoderDC`, diffusers `autoencoder_dc.py`; parity is held by `AutoencoderDCParityTests`.
public final class AutoencoderDC: Autoencoder {
    /// The model's shape.
    public let configuration: AutoencoderDCConfiguration
    private let encoder: DCEncoder
    private let decoder: DCDecoder

    /// Channels of the latents.
    public var latentChannels: Int { configuration.latentChannels }
    /// Pixels of the image in a row or column of one latent.
    public var spatialFactor: Int { configuration.spatialFactor }
    /// What latents are multiplied with for the diffusion model.
    public var scalingFactor: Double { configuration.scalingFactor }
    /// 0: these configs have none.
    public var shiftFactor: Double { 0 }

    /// Opens a `vae/` folder.
    /// - Throws: ``PRXError`` naming file and key; ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public convenience init(folder: String) throws {
        let configuration = try AutoencoderDCConfiguration(ConfigReader(file: "\(folder)/config.json"))
        try self.init(
            configuration: configuration, weights: WeightFolder(path: folder, base: "diffusion_pytorch_model"))
    }

    /// A model over given weights.
    /// - Throws: ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public init(configuration: AutoencoderDCConfiguration, weights: WeightFolder) throws {
        try weights.check(against: configuration.expectedTensors)
        self.configuration = configuration
        let tensors = AutoencoderWeights(folder: weights)
        encoder = try DCEncoder(configuration, tensors)
        decoder = try DCDecoder(configuration, tensors)
    }

    /// Decodes latents; see ``Autoencoder/decode(_:on:checkpoint:)``.
    public func decode(_ latents: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void) throws -> FloatImage {
        try decode(latents, on: pool, observe: nil, checkpoint: checkpoint)
    }

    /// Decodes, and shows intermediate maps, `[C, H, W]`, to `observe`.
    package func decode(
        _ latents: FloatImage, on pool: ThreadPool, observe: ((_ name: String, _ map: FloatImage) -> Void)?,
        checkpoint: () throws -> Void
    ) throws -> FloatImage {
        try check(latents, channels: latentChannels, multiple: 1, what: "latents")
        return try withoutActuallyEscaping(checkpoint) { checkpoint in
            try decoder(
                latents, run: AutoencoderRun(work: Workspace(pool: pool), checkpoint: checkpoint, observe: observe))
        }
    }

    /// Encodes an image; see ``Autoencoder/encode(_:on:checkpoint:)``.
    public func encode(_ image: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void) throws -> FloatImage {
        try encode(image, on: pool, observe: nil, checkpoint: checkpoint)
    }

    /// Encodes, and shows intermediate maps, `[C, H, W]`, to `observe`.
    package func encode(
        _ image: FloatImage, on pool: ThreadPool, observe: ((_ name: String, _ map: FloatImage) -> Void)?,
        checkpoint: () throws -> Void
    ) throws -> FloatImage {
        try check(image, channels: configuration.inChannels, multiple: spatialFactor, what: "an image")
        return try withoutActuallyEscaping(checkpoint) { checkpoint in
            try encoder(
                image, run: AutoencoderRun(work: Workspace(pool: pool), checkpoint: checkpoint, observe: observe))
        }
    }
}
