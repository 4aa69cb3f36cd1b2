import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("Noise as PyTorch's CPU generator draws it")
struct TorchGeneratorTests {
    private struct Case: Decodable {
        let seeds: [UInt64]
        let sizes: [Int]
        let mixed_sequence_of_sizes: [Int]
    }

    @Test func everyVectorBitForBit() throws {
        let info = try Fixtures.json(Case.self, "components/rng/case.json")
        let vectors = try Fixtures.tensors("components/rng/rng.safetensors")
        var compared = 0
        for seed in info.seeds {
            for size in info.sizes {
                guard let first = vectors["s\(seed).n\(size).first"] else { continue }
                var generator = TorchGenerator(seed: seed)
                #expect(generator.normal(count: size).map(\.bitPattern) == first.floats().array.map(\.bitPattern))
                if let second = vectors["s\(seed).n\(size).second"] {
                    #expect(generator.normal(count: size).map(\.bitPattern) == second.floats().array.map(\.bitPattern))
                }
                compared += 1
            }
            guard let mixed = vectors["s\(seed).mixed"] else { continue }
            var generator = TorchGenerator(seed: seed)
            let drawn = info.mixed_sequence_of_sizes.flatMap { generator.normal(count: $0) }
            #expect(drawn.map(\.bitPattern) == mixed.floats().array.map(\.bitPattern))
        }
        #expect(compared > 40)
    }

    /// The latents a pipeline starts from: the draw times the noise scale.
    @Test(arguments: [("run00", 0, 9216), ("run01", 42, 8640), ("run02", 9, 13824), ("run04", 77, 12288)])
    func initialLatentsOfThePixelPipeline(run: String, seed: UInt64, count: Int) throws {
        let expected = try #require(
            try Fixtures.tensors("pipelines/pixel/runs/\(run)_init.safetensors")["latents"])
        var generator = TorchGenerator(seed: seed)
        let noise = generator.normal(count: count).map { $0 * 2 }
        #expect(noise.map(\.bitPattern) == expected.floats().array.map(\.bitPattern))
    }
}
