package import ArgumentParser
internal import Foundation
internal import PRX
internal import Tensors

/// `packshot bench`: how fast this machine is at the parts of an image.
package struct BenchCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time the parts of an image on this machine: a step, the encoder, the decoder.",
        discussion: "ops/bench/sampler/run compares them with the reference implementation.")

    /// What can be timed.
    package enum Part: String, ExpressibleByArgument, CaseIterable, Sendable {
        case step
        case encode
        case decode
    }

    @Argument(help: "step (one denoising step), encode (prompts) or decode (latents to pixels).")
    package var part: Part

    @Option(help: "Checkpoint folder in diffusers' layout.")
    package var model: String

    @Option(help: "Pixels of a side.")
    package var size = 512

    @Option(help: "Real tokens of a prompt.")
    package var tokens = 30

    @Option(help: "Prompts to encode.")
    package var prompts = 1

    @Option(help: "Guidance scale: above 1, a step computes both texts.")
    package var guidance = 5.0

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
        guard (16...8192).contains(size) else { throw ValidationError("--size is 16 to 8192") }
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
        let prepared: BenchmarkCase
        do {
            switch part {
            case .step:
                prepared = try BenchmarkCase.step(
                    folder: model, size: size, tokens: tokens, hasGuidance: guidance > 1, pool: pool)
            case .encode:
                prepared = try BenchmarkCase.encode(folder: model, prompts: prompts, tokens: tokens, pool: pool)
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
            while readLine() != nil { try round(prepared, pool) }
        } else {
            for _ in 0..<rounds { try round(prepared, pool) }
        }
    }

    private func round(_ prepared: BenchmarkCase, _ pool: ThreadPool) throws {
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
                line += String(format: "  %.1f GFLOP/s, %.0f %% of sgemm's %.1f", rate, 100 * rate / raw, raw)
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
