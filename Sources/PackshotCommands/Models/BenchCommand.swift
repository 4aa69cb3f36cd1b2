package import ArgumentParser
internal import Foundation
internal import PRX
internal import Tensors

/// `packshot bench`: how fast this machine is at the parts of an image.
package struct BenchCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time the parts of an image on this machine: a step, the encoder, the decoder.",
        discussion: """
            With --quality, what the shortcuts of packshot generate and of shots files save and cost: time and PSNR against \
            the exact images of some prompts. arrangement: whether this machine makes more steps with one generation on all \
            cores or with one on each. ops/bench/sampler/run compares the parts with the reference implementation.
            """)

    /// What can be timed.
    package enum Part: String, ExpressibleByArgument, CaseIterable, Sendable {
        case step
        case encode
        case decode
        case arrangement
    }

    @Argument(
        help: "step (one denoising step), encode (prompts), decode (latents to pixels) or arrangement (of threads).")
    package var part: Part?

    @Flag(help: "Compare images made with shortcuts with exact ones.")
    package var quality = false

    @Option(
        name: .customLong("prompt"), help: "A prompt for --quality; may be repeated (default: eight of the demo's).")
    package var ownPrompts: [String] = []

    @Option(help: "Denoising steps of the exact image of --quality.")
    package var steps = 28

    @Option(help: "Checkpoint folder in diffusers' layout.")
    package var model: String

    @Option(help: "Pixels of a side (default: 512; with --quality the checkpoint's).")
    package var size: Int?

    @Option(help: "Real tokens of a prompt.")
    package var tokens = 30

    @Option(help: "Prompts to encode.")
    package var prompts = 1

    @Option(help: "Guidance scale: above 1, a step computes both texts (default: 5; with --quality 2).")
    package var guidance: Double?

    @Option(help: "Timed runs.")
    package var rounds = 3

    @Option(help: "Runs before them.")
    package var warmup = 1

    @Option(help: "CPU threads (default: all).")
    package var threads: Int?

    @Flag(
        name: .customLong("on-demand"),
        help: "Make a round for every line on standard input, so that another program can take turns.")
    package var onDemand = false

    @Flag(help: "Print one JSON document a round.")
    package var json = false

    package init() {}

    package func validate() throws {
        guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads is 1 to 1024") }
        guard (1...65_536).contains(tokens) else { throw ValidationError("--tokens is 1 to 65536") }
        guard (1...1024).contains(prompts) else { throw ValidationError("--prompts is 1 to 1024") }
        guard (part == nil) == quality else { throw ValidationError("give a part to time, or --quality") }
        guard (1...1000).contains(steps) else { throw ValidationError("--steps is 1 to 1000") }
        guard (1...1000).contains(guidance ?? 1) else { throw ValidationError("--guidance is 1 to 1000") }
        guard (16...8192).contains(size ?? 16) else { throw ValidationError("--size is 16 to 8192") }
        guard (1...1000).contains(rounds), (0...1000).contains(warmup) else {
            throw ValidationError("--rounds is 1 to 1000, --warmup 0 to 1000")
        }
    }

    private struct Round: Encodable {
        let part: String
        let threads: Int
        let seconds: Double
        /// Multiplications and additions of the model a second, in billions.
        let gigaflops: Double?
        /// What OpenBLAS reaches on the same products, measured right after.
        let sgemmGigaflops: Double?
        let peakResidentBytes: Int
    }

    package func run() throws {
        let pool = ThreadPool(threads: threads ?? ModelFolder.defaultThreads)
        guard let part else {
            let checkpoint = try ModelFolder.open(model)
            let side = size ?? checkpoint.defaultSize
            return try QualityComparison(
                checkpoint: checkpoint, prompts: ownPrompts.isEmpty ? QualityComparison.demoPrompts : ownPrompts,
                steps: steps, guidance: guidance ?? 2, size: (side, side), pool: pool
            ).report(json: json)
        }
        let prepared: BenchmarkCase
        let size = size ?? 512
        do {
            switch part {
            case .step:
                prepared = try BenchmarkCase.step(
                    folder: model, size: size, tokens: tokens, hasGuidance: (guidance ?? 5) > 1, pool: pool)
            case .encode:
                prepared = try BenchmarkCase.encode(folder: model, prompts: prompts, tokens: tokens, pool: pool)
            case .arrangement:
                return try compareArrangements(pool.threadCount, size: size)
            case .decode:
                prepared = try BenchmarkCase.decode(folder: model, size: size, pool: pool)
            }
        } catch let error as PRXError {
            throw CommandError(.invalidInput, error.message)
        } catch let error as TensorError {
            throw CommandError(.invalidInput, error.message)
        }
        for _ in 0..<warmup { try prepared.run() }
        if onDemand {
            Talk.result("ready")
            while readLine() != nil { try round(part, prepared, pool) }
        } else {
            for _ in 0..<rounds { try round(part, prepared, pool) }
        }
    }

    private func compareArrangements(_ threads: Int, size: Int) throws {
        let arrangements = try Arrangement.measure(
            folder: model, size: size, tokens: tokens, hasGuidance: (guidance ?? 5) > 1, threads: threads, seconds: 2)
        if json { return try Talk.json(arrangements) }
        for arrangement in arrangements {
            Talk.result(String(format: "%8.3f steps/s  ", arrangement.stepsPerSecond) + arrangement.description)
        }
    }

    private func round(_ part: Part, _ prepared: BenchmarkCase, _ pool: ThreadPool) throws {
        let clock = ContinuousClock()
        let start = clock.now
        try prepared.run()
        let seconds = (clock.now - start) / .seconds(1)
        // Before the yardstick, which takes memory of its own.
        let peak = Self.peakResidentBytes
        let raw = prepared.products.isEmpty ? nil : BLAS.rawRate(of: prepared.products, threads: pool.threadCount) / 1e9
        let rate = prepared.operations.map { $0 / seconds / 1e9 }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let value = Round(
                part: part.rawValue, threads: pool.threadCount, seconds: seconds, gigaflops: rate, sgemmGigaflops: raw,
                peakResidentBytes: peak)
            Talk.result(String(decoding: try encoder.encode(value), as: UTF8.self))
        } else {
            var line = String(format: "%.3f s", seconds)
            if let rate, let raw {
                // An OpenBLAS older than the CPU may use kernels of a much older one.
                line += String(
                    format:
                        "  %.1f GFLOP/s on \(KernelClass.current.rawValue), OpenBLAS's sgemm on \(BLAS.coreName) %.1f",
                    rate,
                    raw)
            }
            Talk.result(line + String(format: "  peak %.2f GB", Double(peak) / 1e9))
        }
    }

    /// Largest resident size of this process so far, mapped weights included; 0 where the system does not say.
    private static var peakResidentBytes: Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return kilobytes * 1024
    }
}
