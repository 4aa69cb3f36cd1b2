internal import Tensors

/// What to make, besides the text.
public struct GenerationRequest: Hashable, Sendable {
    /// Seed of PyTorch's CPU generator; its low 32 bits count.
    public var seed: UInt64
    /// Denoising steps, `1...1000`.
    public var steps: Int
    /// Classifier-free guidance scale, at least 1. At 1 there is no unconditional pass.
    public var guidance: Double
    /// Pixels.
    public var width: Int
    /// Pixels.
    public var height: Int
    /// Images from one generator, `1...64`, as upstream's `num_images_per_prompt`.
    public var imageCount: Int
    /// Generate at the nearest size the model was trained on, then resize and crop to the size asked for, where the
    /// checkpoint's sample size has a table of such sizes; upstream's `use_resolution_binning`.
    public var usesResolutionBinning: Bool
    /// What the sampler may leave out; nothing by default.
    public var shortcuts: SamplingShortcuts

    /// A request of one image or more.
    public init(
        seed: UInt64, steps: Int, guidance: Double, width: Int, height: Int, imageCount: Int = 1,
        usesResolutionBinning: Bool = true, shortcuts: SamplingShortcuts = SamplingShortcuts()
    ) {
        self.seed = seed
        self.steps = steps
        self.guidance = guidance
        self.width = width
        self.height = height
        self.imageCount = imageCount
        self.usesResolutionBinning = usesResolutionBinning
        self.shortcuts = shortcuts
    }
}

/// An image as it came out of a pipeline.
public struct RGBImage: Hashable, Sendable {
    /// Pixels.
    public let width: Int
    /// Pixels.
    public let height: Int
    /// `height * width * 3` bytes: rows from the top, red green blue.
    public let pixels: [UInt8]

    /// An image of these pixels.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(pixels.count == width * height * 3, "an RGB image has three bytes a pixel")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Maps `[-1, 1]` to `0...255`: `clamp(x · 0.5 + 0.5, 0, 1) · 255` in float32, halves to even, as upstream's
    /// `VaeImageProcessor` does.
    /// - Parameter image: Three channels.
    /// - Throws: ``PRXError`` `.notFinite` when a value is none or infinite: upstream would show it as black or white.
    public init(_ image: FloatImage) throws(PRXError) {
        precondition(image.channels == 3, "a picture has three channels, not \(image.channels)")
        let count = image.width * image.height
        var pixels = [UInt8](repeating: 0, count: count * 3)
        for channel in 0..<3 {
            for index in 0..<count {
                let value = image.values.pointer[channel * count + index]
                guard value.isFinite else {
                    throw PRXError(
                        .notFinite,
                        "the picture has no number at x \(index % image.width), y \(index / image.width): the checkpoint's weights or settings are damaged, or too large for float32"
                    )
                }
                let unit = min(max(value * 0.5 + 0.5, 0), 1)
                pixels[index * 3 + channel] = UInt8((unit * 255).rounded(.toNearestOrEven))
            }
        }
        self.init(width: image.width, height: image.height, pixels: pixels)
    }
}

/// What a generation came to.
public struct GenerationResult: Sendable {
    /// The images, in order.
    public let images: [RGBImage]
    /// Time in the denoising loop, its preparation included.
    public let sampleTime: Duration
    /// Time from the last step to bytes.
    public let decodeTime: Duration
    /// For each image, the steps that reused an earlier one's work; 0 unless a step cache was asked for.
    public let reusedSteps: [Int]
    /// The images before they became bytes, `[3, H, W]` each; for parity tests.
    package let planes: [[Float]]
    package let finalLatents: [[Float]]

    package init(
        images: [RGBImage], sampleTime: Duration, decodeTime: Duration, reusedSteps: [Int], planes: [[Float]],
        finalLatents: [[Float]]
    ) {
        self.images = images
        self.sampleTime = sampleTime
        self.decodeTime = decodeTime
        self.reusedSteps = reusedSteps
        self.planes = planes
        self.finalLatents = finalLatents
    }
}
