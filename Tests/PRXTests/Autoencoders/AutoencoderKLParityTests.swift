import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("AutoencoderKL against diffusers")
struct AutoencoderKLParityTests {
    private static let folder = "components/vae_kl"
    private let fixture: AutoencoderFixture
    private let model: AutoencoderKL

    init() throws {
        fixture = try AutoencoderFixture(Self.folder)
        model = try AutoencoderKL(folder: "\(Fixtures.parity)/\(Self.folder)")
    }

    @Test func decode() throws {
        for row in 0..<2 {
            var observed: [String: FloatImage] = [:]
            let image = try model.decode(
                fixture.image("decode.in.latents", row: row), on: ThreadPool(threads: 2),
                observe: { observed[$0] = $1 }, checkpoint: {})
            for name in ["conv_in", "attention", "mid_block", "up0"] {
                try fixture.expect(observed[name], toBe: "decode.mid.\(name)", row: row)
            }
            try fixture.expect(image, toBe: "decode.out.sample", row: row)
        }
    }

    @Test func encode() throws {
        var observed: [String: FloatImage] = [:]
        let posterior = try model.posterior(
            of: fixture.image("encode.in.image", row: 0), on: ThreadPool(threads: 2), observe: { observed[$0] = $1 },
            checkpoint: {})
        for name in ["down0", "mid_block"] {
            try fixture.expect(observed[name], toBe: "encode.mid.\(name)", row: 0)
        }
        try fixture.expect(posterior.mean, toBe: "encode.out.mode", row: 0)
        try fixture.expect(posterior.logVariance, toBe: "encode.out.logvar", row: 0)
    }

    /// What large images do: where channels become fewer, the outputs take the memory of the input, strip by strip.
    @Test func decodeInPlace() throws {
        let latents = try fixture.image("decode.in.latents", row: 0)
        let pool = ThreadPool(threads: 2)
        var random = TorchGenerator(seed: 3)
        // 164 rows of 160 pixels at the level where channels become fewer: a strip of 144 rows and one of 20.
        let large = FloatImage(
            channels: 16, height: 41, width: 40, values: FloatBuffer(Array(random.normal(count: 16 * 41 * 40))))
        for input in [latents, large] {
            let expected = try model.decode(input, on: pool, observe: nil) {}
            let image = try model.decode(input, on: pool, largeMap: 1, observe: nil) {}
            let deviation = Deviation(image.values.array, expected.values.array, atol: 1e-5, rtol: 0)
            #expect(deviation.excess <= 0, "\(deviation)")
        }
        let image = try model.decode(latents, on: pool, largeMap: 1, observe: nil) {}
        try fixture.expect(image, toBe: "decode.out.sample", row: 0)
    }

    @Test func samples() throws {
        let image = try fixture.image("encode.in.image", row: 0)
        let posterior = try model.posterior(of: image, on: ThreadPool(threads: 1)) {}
        let means = try fixture.image("encode.out.mode", row: 0)
        let logarithms = try fixture.image("encode.out.logvar", row: 0)
        var random = TorchGenerator(seed: 1)
        let noise = FloatImage(
            channels: means.channels, height: means.height, width: means.width,
            values: FloatBuffer(Array(random.normal(count: means.values.count))))
        let sample = posterior.sample(noise: noise).values.array
        for index in sample.indices {
            let mean = Double(means.values.pointer[index])
            let deviation = exp(Double(logarithms.values.pointer[index]) / 2)
            #expect(abs(Double(sample[index]) - mean - deviation * Double(noise.values.pointer[index])) < 1e-4)
        }
    }
}
