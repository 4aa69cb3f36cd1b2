internal import Digests
internal import Foundation
package import PackshotJobs

/// A generator that only waits and draws a small flat image: for capacity planning and for tests of everything around
/// the sampler. The jobs, the files and the rows are real; the pixels are not.
package struct SimulatedImageGenerator: ImageGenerator {
    /// How long a simulated image takes: a mean and a spread.
    package struct Pace: Hashable, Sendable {
        /// Seconds.
        package let mean: Double
        /// Share of the mean the time varies by, evenly, `0...1`.
        package let spread: Double

        package init(mean: Double, spread: Double) {
            self.mean = mean
            self.spread = spread
        }

        /// Reads `2s`, `200ms`, `1.5s±20%`, `0` (also `+-` for `±`).
        /// - Returns: nil for anything else, for more than a day, and for a spread above 100 %.
        package init?(_ text: String) {
            let halves = text.replacingOccurrences(of: "+-", with: "±").split(
                separator: "±", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = halves.first, let mean = Self.seconds(first), mean <= 86_400 else { return nil }
            var spread = 0.0
            if halves.count == 2 {
                guard halves[1].hasSuffix("%"), let percent = Double(halves[1].dropLast()), (0...100).contains(percent)
                else { return nil }
                spread = percent / 100
            }
            self.init(mean: mean, spread: spread)
        }

        private static func seconds(_ text: Substring) -> Double? {
            let units: [(String, Double)] = [("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60)]
            for (unit, factor) in units where text.hasSuffix(unit) {
                guard let value = Double(text.dropLast(unit.count)), value >= 0, value.isFinite else { return nil }
                return value * factor
            }
            return text == "0" ? 0 : nil
        }

        /// The time of the image with a given seed: always the same for the same seed.
        func duration(seed: UInt64) -> Double {
            var mixed = seed &+ 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            let unit = Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
            return mean * (1 + spread * (2 * unit - 1))
        }
    }

    package let model: ModelRecord
    package let kernelClass = "simulated"
    package let threads = 1
    private let pace: Pace
    private let faults: Faults

    /// Prompts that break the simulated sampler, for tests of what the fleet does then.
    package struct Faults: Hashable, Sendable {
        /// A prompt that contains this text kills the process.
        package var crash: String?
        /// A prompt that contains this text never ends, and hears nothing.
        package var hang: String?

        package init(crash: String? = nil, hang: String? = nil) {
            self.crash = crash
            self.hang = hang
        }
    }

    /// A generator that takes `pace` an image and passes for `model`.
    package init(pace: Pace, model: ModelRecord, faults: Faults = Faults()) {
        self.pace = pace
        self.model = model
        self.faults = faults
    }

    package func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
        let words = prompt.utf8.split(separator: UInt8(ascii: " ")).map { word in
            Int32(truncatingIfNeeded: word.reduce(0) { $0 &* 31 &+ Int($1) })
        }
        return PreparedPrompt(
            effectiveText: prompt, tokens: words, tokenCount: words.count,
            key: SHA256Digest.hash("simulated\u{1f}\(prompt)".utf8))
    }

    package func embed(_ prompt: PreparedPrompt) throws -> [UInt8] { prompt.key }

    package func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { false }

    package func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage {
        try wait(spec, onStep: onStep)
    }

    private func wait(
        _ spec: GenerationSpec, onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) throws -> GeneratedImage {
        if let text = faults.crash, spec.prompt.contains(text) { abort() }
        if let text = faults.hang, spec.prompt.contains(text) { while true { Thread.sleep(forTimeInterval: 60) } }
        let clock = ContinuousClock()
        let start = clock.now
        let total = pace.duration(seed: spec.seed)
        let steps = max(1, spec.steps)
        if total > 0 {
            // Slices of at most 20 ms, so that a cancellation is seen between them as between PRX's blocks; no shorter ones
            // for short steps: a fleet that only waits should have the machine to itself.
            while case let past = (clock.now - start) / .seconds(1), past < total {
                try onStep(min(steps - 1, Int(Double(steps) * past / total)), steps)
                Thread.sleep(forTimeInterval: min(0.02, total - past))
            }
        }
        try onStep(steps, steps)
        let colour = SHA256Digest.hash(spec.prompt.utf8).prefix(3)
        let rgb = [UInt8](unsafeUninitializedCapacity: 192) { bytes, count in
            for index in 0..<192 { bytes.initializeElement(at: index, to: colour[colour.startIndex + index % 3]) }
            count = 192
        }
        return GeneratedImage(
            width: 8, height: 8, rgb: rgb, sampleTime: (clock.now - start).wholeMicroseconds, decodeTime: 0)
    }
}
