/// The sampling schedule of PRX: straight lines from noise to image, walked in Euler steps.
///
/// Port of diffusers' `FlowMatchEulerDiscreteScheduler` as far as PRX uses it: a static shift, applied once to the training
/// schedule at construction and once more to the sampling one, as upstream does. Tables are equal to upstream's to 1 ulp.
public struct FlowMatchEulerDiscreteScheduler: Sendable {
    /// Training timesteps, 1000 in every published checkpoint.
    public let trainTimestepCount: Int
    /// How far the schedule leans to the noisy end; 1 is even.
    public let shift: Double
    private let sigmaMax: Float
    private let sigmaMin: Float

    /// A scheduler of these settings, `shift > 0`.
    public init(trainTimestepCount: Int = 1000, shift: Double = 3) {
        self.trainTimestepCount = trainTimestepCount
        self.shift = shift
        let shifted = { (step: Int) -> Float in
            // Upstream computes this table in float32 throughout.
            let sigma = Float(step) / Float(trainTimestepCount)
            return Float(shift) * sigma / (1 + (Float(shift) - 1) * sigma)
        }
        sigmaMax = shifted(trainTimestepCount)
        sigmaMin = shifted(1)
    }

    /// Reads `scheduler_config.json`, keys and defaults of upstream's constructor.
    /// - Throws: ``PRXError`` for schedules that are not implemented, and for what is not understood.
    init(_ config: ConfigReader) throws(PRXError) {
        try config.demand("_class_name", .text("FlowMatchEulerDiscreteScheduler"))
        let count = try config.int("num_train_timesteps", 1000, in: 2...1_000_000)
        let shift = try config.number("shift", 1, in: ConfigReader.positive)
        for key in [
            "use_dynamic_shifting", "invert_sigmas", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
            "stochastic_sampling",
        ] { try config.demand(key, .flag(false), .null) }
        // Upstream takes 0 for none.
        try config.demand("shift_terminal", .null, .number(0))
        // They say how dynamic shifting goes, which is off.
        config.inert(["base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len", "time_shift_type"])
        try config.finish()
        self.init(trainTimestepCount: count, shift: shift)
    }

    /// A schedule to walk.
    public struct Schedule: Hashable, Sendable {
        /// `steps + 1` noise levels from 1 down to 0.
        public let sigmas: [Float]
        /// `steps` timesteps, `1000 · sigma`.
        public let timesteps: [Float]
    }

    /// The schedule of a number of steps, at least 1.
    public func schedule(steps: Int) -> Schedule {
        precondition(steps >= 1, "a schedule has at least one step")
        let count = Double(trainTimestepCount)
        let start = Double(sigmaMax) * count
        let end = Double(sigmaMin) * count
        let sigmas = (0..<steps).map { index -> Float in
            // numpy.linspace: the last point is exactly the end, one point is the start.
            let point =
                steps == 1
                ? start : index == steps - 1 ? end : start + Double(index) * ((end - start) / Double(steps - 1))
            return shifted(point / count)
        }
        return Schedule(sigmas: sigmas + [0], timesteps: sigmas.map { $0 * Float(trainTimestepCount) })
    }

    /// The schedule of given timesteps: they are kept as they are, while the noise levels are shifted, as upstream does.
    public func schedule(timesteps: [Float]) -> Schedule {
        let sigmas = timesteps.map { shifted(Double($0 / Float(trainTimestepCount))) }
        return Schedule(sigmas: sigmas + [0], timesteps: timesteps)
    }

    private func shifted(_ sigma: Double) -> Float { Float(shift * sigma / (1 + (shift - 1) * sigma)) }
}
