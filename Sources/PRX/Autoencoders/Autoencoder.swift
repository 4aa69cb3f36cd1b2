public import Tensors

/// A variational autoencoder: latents to images and back.
///
/// Both directions run one image at a time and give the same bytes with any number of threads. The weights stay mapped in
/// their stored type.
public protocol Autoencoder: Sendable {
    /// Channels of the latents.
    var latentChannels: Int { get }
    /// Pixels of the image in a row or column of one latent.
    var spatialFactor: Int { get }
    /// What latents are multiplied with for the diffusion model; `scaling_factor`.
    var scalingFactor: Double { get }
    /// What is taken from latents before that; `shift_factor`, 0 where the config has none.
    var shiftFactor: Double { get }

    /// Decodes latents.
    /// - Parameters:
    ///   - latents: `[latentChannels, h, w]` in the autoencoder's own scale; see ``Autoencoder/ownScale(_:)``.
    ///   - checkpoint: Called between layers; what it throws ends the work.
    /// - Returns: `[3, h · spatialFactor, w · spatialFactor]`, about -1 to 1, not clamped.
    /// - Throws: ``PRXError`` `.badRequest` for latents of another shape; what `checkpoint` throws.
    func decode(_ latents: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void) throws -> FloatImage

    /// Encodes an image.
    /// - Parameters:
    ///   - image: `[3, H, W]`, -1 to 1; both sides multiples of `spatialFactor`.
    ///   - checkpoint: As in `decode`.
    /// - Returns: `[latentChannels, H / spatialFactor, W / spatialFactor]` in the autoencoder's own scale: the mode, where
    ///   the encoder predicts a distribution.
    /// - Throws: As `decode`.
    func encode(_ image: FloatImage, on pool: ThreadPool, checkpoint: () throws -> Void) throws -> FloatImage
}

extension Autoencoder {
    /// Latents of the diffusion model in the autoencoder's own scale: `x / scalingFactor + shiftFactor`, in float32.
    public func ownScale(_ latents: FloatImage) -> FloatImage {
        let (scale, shift) = (Float(scalingFactor), Float(shiftFactor))
        return mapped(latents) { $0 / scale + shift }
    }

    /// The autoencoder's latents in the scale of the diffusion model: `(x - shiftFactor) · scalingFactor`, in float32.
    public func diffusionScale(_ latents: FloatImage) -> FloatImage {
        let (scale, shift) = (Float(scalingFactor), Float(shiftFactor))
        return mapped(latents) { ($0 - shift) * scale }
    }

    private func mapped(_ image: FloatImage, _ change: (Float) -> Float) -> FloatImage {
        let result = FloatImage(channels: image.channels, height: image.height, width: image.width)
        for index in 0..<image.values.count { result.values.pointer[index] = change(image.values.pointer[index]) }
        return result
    }

    func check(_ image: FloatImage, channels: Int, multiple: Int, what: String) throws(PRXError) {
        guard image.channels == channels else {
            throw PRXError(.badRequest, "\(what) of \(image.channels) channels: this autoencoder takes \(channels)")
        }
        guard image.height >= 1, image.width >= 1, image.height % multiple == 0, image.width % multiple == 0 else {
            throw PRXError(
                .badRequest, "\(what) of \(image.width)x\(image.height): both sides must be multiples of \(multiple)")
        }
    }
}

/// Opens a checkpoint's autoencoder, whichever kind it is.
public enum AutoencoderFolder {
    /// Opens a `vae/` folder of the class its config names (`AutoencoderKL` or `AutoencoderDC`).
    /// - Throws: ``PRXError`` and ``TensorError``, naming file and key or tensor.
    public static func load(_ folder: String) throws -> any Autoencoder {
        let config = try ConfigReader(file: "\(folder)/config.json")
        switch try config.word("_class_name", "", among: ["AutoencoderKL", "AutoencoderDC"]) {
        case "AutoencoderKL": return try AutoencoderKL(folder: folder)
        case "AutoencoderDC": return try AutoencoderDC(folder: folder)
        default: throw config.error("_class_name", "is missing")
        }
    }
}
