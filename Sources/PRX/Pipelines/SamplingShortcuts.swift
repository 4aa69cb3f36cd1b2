internal import Tensors

/// Ways to a similar image in less time. Each is off by default, and each changes the pixels; `packshot bench --quality`
/// shows by how much.
public struct SamplingShortcuts: Hashable, Sendable {
    /// Reuse an earlier step's blocks while the first block's output changed by no more than this share, above 0 and up to
    /// 1, as in diffusers' `FirstBlockCacheConfig`; 0 computes every step.
    public var stepCache: Double
    /// Share of the steps, the last ones, that are guided, above 0 and up to 1; those before compute the prompt alone and
    /// take half the time. After "Applying Guidance in a Limited Interval" (Kynkäänniemi et al. 2024, arXiv:2404.07724),
    /// which finds guidance of the noisiest steps harmful. Guiding the first half instead of the last cost an earlier demo
    /// model 19 dB more: the last prediction is the picture.
    public var guidanceShare: Double
    /// Order of the solver, 1 or 2. 1 is Euler, as upstream; 2 also uses the step before (Adams-Bashforth), so that fewer
    /// steps do.
    public var solverOrder: Int
    /// How much of the activations the blocks' products see; see ``activationPrecision``. 24, all of it, is exact.
    public var activationBits: Int

    /// Everything off.
    public init(stepCache: Double = 0, guidanceShare: Double = 1, solverOrder: Int = 1, activationBits: Int = 24) {
        self.activationBits = activationBits
        self.stepCache = stepCache
        self.guidanceShare = guidanceShare
        self.solverOrder = solverOrder
    }

    /// The first guided step of a number of steps; at least the last is guided.
    func firstGuidedStep(of steps: Int) -> Int {
        steps - max(1, Int((guidanceShare * Double(steps)).rounded(.up)))
    }

    /// ``activationBits`` in the products' words: bits of mantissa, as many bfloat16 as there are eights.
    var activationPrecision: ActivationPrecision { ActivationPrecision(rawValue: activationBits) ?? .exact }

    func validate() throws(PRXError) {
        guard ActivationPrecision(rawValue: activationBits) != nil else {
            throw PRXError(.badRequest, "activation bits are \(activationBits), expected 24 (all), 16 or 8")
        }
        guard (0...1).contains(stepCache) else {
            throw PRXError(.badRequest, "step cache is \(stepCache), expected 0 (off) to 1")
        }
        guard guidanceShare > 0, guidanceShare <= 1 else {
            throw PRXError(.badRequest, "guidance share is \(guidanceShare), expected above 0 to 1 (all steps)")
        }
        guard (1...2).contains(solverOrder) else {
            throw PRXError(.badRequest, "solver order is \(solverOrder), expected 1 (Euler) or 2")
        }
    }
}
