import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

/// Damaged files for every loader: an error or a checked value, never a crash. A few thousand in every run; for as long as
/// PACKSHOT_FUZZ_SECONDS says with `ops/fuzz`, which also bounds the memory.
@Suite("Loaders and damaged files")
struct LoaderFuzzTests {
    private struct Random {
        var state: UInt64
        mutating func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(1, bound)
        }
    }

    private static let interesting: [[UInt8]] = [
        Array("[[[[[[[[[[[[[[[[".utf8), Array("\"a\":1,".utf8), Array("99999999999999999999".utf8), Array("-1".utf8),
        Array("1e400".utf8), [0xFF, 0xFE], [0], Array("null".utf8), Array("\\ud800".utf8), Array("{}".utf8),
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ]

    private func damaged(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
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

    @Test func everyLoaderRefusesOrReads() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        let model = "\(Fixtures.parity)/pipelines/sharded/model"
        try FileManager.default.copyItem(atPath: model, toPath: folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let transformer = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/transformer").sorted()
        let shard = "transformer/\(try #require(transformer.first { $0.hasSuffix(".safetensors") }))"
        let targets: [(file: String, load: (String) throws -> Void)] = [
            (shard, { _ = try SafetensorsFile(path: "\($0)/\(shard)") }),
            ("transformer/config.json", { _ = try PRXTransformer2DModel(folder: "\($0)/transformer") }),
            (
                "transformer/diffusion_pytorch_model.safetensors.index.json",
                { _ = try WeightFolder(path: "\($0)/transformer", base: "diffusion_pytorch_model") }
            ),
            ("text_encoder/config.json", { _ = try T5GemmaEncoder(folder: "\($0)/text_encoder") }),
            ("tokenizer/tokenizer_config.json", { _ = try Tokenizer(folder: "\($0)/tokenizer") }),
            (
                "tokenizer/tokenizer.json",
                { _ = try Tokenizer(folder: "\($0)/tokenizer").encode("a cat", maxLength: 8) }
            ),
            ("model_index.json", { _ = try PRXCheckpoint(path: $0) }),
        ]
        let originals = try targets.map { Array(try Data(contentsOf: URL(fileURLWithPath: "\(model)/\($0.file)"))) }
        let seconds = ProcessInfo.processInfo.environment["PACKSHOT_FUZZ_SECONDS"].flatMap { Double($0) }
        let deadline = ContinuousClock().now + .seconds(seconds ?? 1.5)
        var random = Random(state: 1)
        var (count, accepted) = (0, 0)
        while ContinuousClock().now < deadline {
            // Headers are where the grammar is: half of all inputs are damaged weight files.
            let index = random.below(2) == 0 ? 0 : random.below(targets.count)
            var bytes = originals[index]
            if index == 0 {
                let header = 8 + bytes.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
                bytes = damaged(Array(bytes.prefix(header)), &random) + bytes.dropFirst(header).prefix(4_000)
            } else {
                bytes = damaged(bytes, &random)
            }
            let path = URL(fileURLWithPath: "\(folder)/\(targets[index].file)")
            try Data(bytes).write(to: path)
            do {
                try targets[index].load(folder)
                accepted += 1
            } catch is TensorError {
            } catch is PRXError {
            }
            try Data(originals[index]).write(to: path)
            count += 1
        }
        print("fuzzed the loaders with \(count) inputs, \(accepted) of them still readable")
        #expect(count > 100)
    }
}
