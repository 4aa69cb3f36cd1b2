internal import Foundation
internal import PRX
internal import Tensors

/// What each shortcut saves and costs: time and PSNR against the exact image of the same prompt and seed.
struct QualityComparison {
    /// A way to make the images.
    struct Setting {
        let name: String
        let steps: Int
        let shortcuts: SamplingShortcuts
    }

    /// One line of the table.
    struct Line: Encodable {
        let setting: String
        let steps: Int
        let stepCache: Double
        let guidanceShare: Double
        let solverOrder: Int
        let activationBits: Int
        /// Median over the images of sampling time, as a share of the exact image's.
        let time: Double
        /// Against the exact images, in dB of 255: mean, and the worst image's.
        let psnr: Double
        let worstPSNR: Double
        /// Share of the steps that reused an earlier one.
        let reused: Double
    }

    let checkpoint: PRXCheckpoint
    let prompts: [String]
    let steps: Int
    let guidance: Double
    let size: (width: Int, height: Int)
    let pool: ThreadPool

    /// Shortcuts one by one, some together, and for comparison plain Euler with fewer steps.
    var settings: [Setting] {
        let half = max(1, steps / 2)
        let third = max(1, steps / 3)
        func setting(_ name: String, _ steps: Int, _ shortcuts: SamplingShortcuts = SamplingShortcuts()) -> Setting {
            Setting(name: name, steps: steps, shortcuts: shortcuts)
        }
        let alone = [
            [0.05, 0.1, 0.2].map { setting("step cache \($0)", steps, SamplingShortcuts(stepCache: $0)) },
            [0.75, 0.5, 0.25].map { setting("guidance share \($0)", steps, SamplingShortcuts(guidanceShare: $0)) },
            [16, 8].map { setting("activation bits \($0)", steps, SamplingShortcuts(activationBits: $0)) },
            [half, third].map { setting("\($0) steps", $0) },
            [half, third].map { setting("\($0) steps, order 2", $0, SamplingShortcuts(solverOrder: 2)) },
        ].joined()
        return alone + [
            setting(
                "\(half) steps, order 2, guidance share 0.5", half,
                SamplingShortcuts(guidanceShare: 0.5, solverOrder: 2)),
            setting(
                "step cache 0.1, guidance share 0.5", steps, SamplingShortcuts(stepCache: 0.1, guidanceShare: 0.5)),
        ]
    }

    /// Measures every setting against the exact images, taking turns image by image, so that a slow minute hits all alike.
    /// - Throws: ``PRXError``.
    func run(_ settings: [Setting]) throws -> [Line] {
        var times = [[Double]](repeating: [], count: settings.count)
        var likeness = times
        var reused = [Int](repeating: 0, count: settings.count)
        for (number, prompt) in prompts.enumerated() {
            let texts = try [prompt, ""].prefix(guidance > 1 ? 2 : 1).map { try checkpoint.prepare($0, cleaning: nil) }
            let embeddings = checkpoint.embed(texts, pool: pool)
            func make(_ steps: Int, _ shortcuts: SamplingShortcuts) throws -> GenerationResult {
                try checkpoint.generate(
                    GenerationRequest(
                        seed: UInt64(number), steps: steps, guidance: guidance, width: size.width, height: size.height,
                        shortcuts: shortcuts),
                    prompt: embeddings[0], negative: guidance > 1 ? embeddings[1] : nil, pool: pool
                ) { _, _ in }
            }
            let exact = try make(steps, SamplingShortcuts())
            for (index, setting) in settings.enumerated() {
                let result = try make(setting.steps, setting.shortcuts)
                times[index].append(result.sampleTime / exact.sampleTime)
                likeness[index].append(Self.psnr(result.images[0], exact.images[0]))
                reused[index] += result.reusedSteps[0]
            }
        }
        return settings.enumerated().map { index, setting in
            let sorted = times[index].sorted()
            return Line(
                setting: setting.name, steps: setting.steps, stepCache: setting.shortcuts.stepCache,
                guidanceShare: setting.shortcuts.guidanceShare, solverOrder: setting.shortcuts.solverOrder,
                activationBits: setting.shortcuts.activationBits,
                time: sorted[sorted.count / 2], psnr: likeness[index].reduce(0, +) / Double(prompts.count),
                worstPSNR: likeness[index].min() ?? 0,
                reused: Double(reused[index]) / Double(setting.steps * prompts.count))
        }
    }

    /// Peak signal-to-noise ratio in dB, at most 99: equal images have no noise.
    private static func psnr(_ image: RGBImage, _ exact: RGBImage) -> Double {
        let sum = zip(image.pixels, exact.pixels).reduce(0.0) { sum, pair in
            let difference = Double(Int(pair.0) - Int(pair.1))
            return sum + difference * difference
        }
        guard sum > 0 else { return 99 }
        return min(99, 10 * log10(255 * 255 * Double(exact.pixels.count) / sum))
    }

    /// Runs all settings and prints them: a table, or JSON.
    /// - Throws: ``CommandError`` `.invalidInput` for what the checkpoint cannot make.
    func report(json: Bool) throws {
        let lines: [Line]
        do {
            lines = try run(settings)
        } catch let error as PRXError {
            throw CommandError(.invalidInput, error.message)
        }
        if json { return try Talk.json(lines) }
        Talk.result(
            "against \(steps) exact steps, guidance \(guidance), \(size.width)x\(size.height), \(prompts.count) prompts"
        )
        Talk.result("  time   PSNR  worst  reused  setting")
        for line in lines {
            let numbers = String(
                format: "%4.0f %%  %5.1f  %5.1f  %4.0f %%  ", line.time * 100, line.psnr, line.worstPSNR,
                line.reused * 100)
            Talk.result(numbers + line.setting)
        }
    }

    /// Prompts that show each product of the demo model once, and some of its backgrounds.
    static let demoPrompts = [
        "a red ceramic mug on a white background, studio product photo",
        "a blue striped t-shirt on a light grey background, packshot",
        "a green sneaker on a wooden table, product photo",
        "a yellow dotted handbag on a marble surface, catalog photo",
        "an orange bottle in a dark studio, product photo",
        "a purple two-tone lamp on a pastel gradient background, packshot",
        "a brown armchair on a white background, catalog photo",
        "a turquoise backpack on a light grey background, product photo",
    ]
}
