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
}
