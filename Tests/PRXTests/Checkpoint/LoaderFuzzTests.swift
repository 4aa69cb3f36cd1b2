import Foundation
import Glibc
import PRX
import PackshotTestSupport
import PromptText
import Tensors
import Testing

/// Damaged files for every loader: an error or a checked value, never a crash. Two thousand in every run; for as long as
/// PACKSHOT_FUZZ_SECONDS says with `ops/fuzz`, which also bounds the memory.
@Suite("Loaders and damaged files")
struct LoaderFuzzTests {
    private static let interesting: [[UInt8]] = [
        Array("[[[[[[[[[[[[[[[[".utf8), Array("\"a\":1,".utf8), Array("99999999999999999999".utf8), Array("-1".utf8),
        Array("1e400".utf8), [0xFF, 0xFE], [0], Array("null".utf8), Array("\\ud800".utf8), Array("{}".utf8),
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ]

    private func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) {
            guard !bytes.isEmpty else { return bytes }
            let place = random.below(bytes.count)
            switch random.below(5) {
            case 0: bytes[place] = UInt8(random.below(256))
            case 1: bytes[place] ^= 1 << UInt8(random.below(8))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(40)))
            case 3: bytes.insert(contentsOf: Self.interesting[random.below(Self.interesting.count)], at: place)
            default: bytes.removeLast(random.below(bytes.count))
            }
        }
        return bytes
    }

    /// A loader, and the file of a checkpoint that is damaged for it.
    private struct Target {
        let checkpoint: String
        let file: String
        /// Given the checkpoint's folder.
        let load: (String) throws -> Void
    }

    private static func targets() throws -> [Target] {
        let shards = try FileManager.default.contentsOfDirectory(
            atPath: "\(Fixtures.parity)/pipelines/sharded/model/transformer"
        ).sorted()
        let shard = "transformer/\(try #require(shards.first { $0.hasSuffix(".safetensors") }))"
        func tokenizer(_ checkpoint: String) -> [Target] {
            ["tokenizer.json", "tokenizer_config.json"].map { name in
                Target(checkpoint: checkpoint, file: "tokenizer/\(name)") {
                    _ = try Tokenizer(folder: "\($0)/tokenizer").encode("a cat <eos>, 猫", maxLength: 8)
                }
            }
        }
        return [
            Target(checkpoint: "sharded", file: shard) { _ = try SafetensorsFile(path: "\($0)/\(shard)") },
            Target(checkpoint: "sharded", file: "transformer/diffusion_pytorch_model.safetensors.index.json") {
                _ = try WeightFolder(path: "\($0)/transformer", base: "diffusion_pytorch_model")
            },
            Target(checkpoint: "flux", file: "transformer/config.json") {
                _ = try PRXTransformer2DModel(folder: "\($0)/transformer")
            },
            Target(checkpoint: "flux", file: "text_encoder/config.json") {
                _ = try T5GemmaEncoder(folder: "\($0)/text_encoder")
            },
            Target(checkpoint: "pixel", file: "text_encoder/config.json") {
                _ = try Qwen3VLTextModel(folder: "\($0)/text_encoder")
            },
            Target(checkpoint: "flux", file: "vae/config.json") { _ = try PRXCheckpoint(path: $0) },
            Target(checkpoint: "dcae", file: "vae/config.json") { _ = try PRXCheckpoint(path: $0) },
            Target(checkpoint: "flux", file: "scheduler/scheduler_config.json") { _ = try PRXCheckpoint(path: $0) },
            Target(checkpoint: "pixel", file: "model_index.json") { _ = try PRXCheckpoint(path: $0) },
        ] + tokenizer("flux") + tokenizer("pixel")
    }

    /// Resident bytes of this process at their highest.
    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }

    @Test func everyLoaderRefusesOrReads() throws {
        let environment = ProcessInfo.processInfo.environment
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let targets = try Self.targets()
        for checkpoint in Set(targets.map(\.checkpoint)) {
            try FileManager.default.copyItem(
                atPath: "\(Fixtures.parity)/pipelines/\(checkpoint)/model", toPath: "\(folder)/\(checkpoint)")
        }
        let originals = try targets.map {
            Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0.checkpoint)/\($0.file)")))
        }
        let seconds = environment["PACKSHOT_FUZZ_SECONDS"].flatMap { Double($0) }
        let deadline = seconds.map { ContinuousClock().now + .seconds($0) }
        var random = SeededGenerator(seed: environment["PACKSHOT_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1)
        var counts = [Int](repeating: 0, count: targets.count)
        var (count, accepted) = (0, 0)
        let before = peakMemory()
        while deadline.map({ ContinuousClock().now < $0 }) ?? (count < 2_000) {
            count += 1
            // Headers are where the grammar is: half of all inputs are damaged weight files.
            let index = random.below(2) == 0 ? 0 : random.below(targets.count)
            var bytes = originals[index]
            if index == 0 {
                let header = 8 + bytes.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
                bytes = damaged(Array(bytes.prefix(header)), &random) + bytes.dropFirst(header).prefix(4_000)
            } else {
                bytes = damaged(bytes, &random)
            }
            let root = "\(folder)/\(targets[index].checkpoint)"
            let file = URL(fileURLWithPath: "\(root)/\(targets[index].file)")
            try Data(bytes).write(to: file)
            do {
                try targets[index].load(root)
                accepted += 1
            } catch is TensorError {
            } catch is PRXError {
            } catch is PromptTextError {
            }
            try Data(originals[index]).write(to: file)
            counts[index] += 1
        }
        let grown = peakMemory() - before
        print(
            "fuzzed the loaders with \(count) inputs, \(accepted) of them still readable, memory grew by \(grown >> 20) MiB"
        )
        for (target, count) in zip(targets, counts) { print("  \(count) \(target.checkpoint)/\(target.file)") }
        #expect(counts[0] > 0)
        // No file here is larger than a megabyte; what grows beyond this was allocated on a damaged length.
        #expect(grown < 256 << 20)
    }
}
