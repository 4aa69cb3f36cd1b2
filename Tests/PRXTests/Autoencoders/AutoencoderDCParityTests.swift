import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("AutoencoderDC against diffusers")
struct AutoencoderDCParityTests {
    /// The second one has pixel shuffling and two scales; both have stages on either of the reference's attention paths.
    @Test(arguments: ["vae_dc", "vae_dc_shuffle"])
    func decode(name: String) throws {
        let fixture = try AutoencoderFixture("components/\(name)")
        let model = try AutoencoderDC(folder: "\(Fixtures.parity)/components/\(name)")
        let last = model.configuration.decoderStages.count - 1
        let block = model.configuration.decoderStages[last].layers - 1
        for row in 0..<2 {
            var observed: [String: FloatImage] = [:]
            let image = try model.decode(
                fixture.image("decode.in.latents", row: row), on: ThreadPool(threads: 2),
                observe: { observed[$0] = $1 }, checkpoint: {})
            for (key, ours) in [
                ("up_last_attn", "up\(last).\(block).attn"), ("up_last", "up\(last)"),
                ("up_last_but_one", "up\(last - 1)"),
            ] {
                try fixture.expect(observed[ours], toBe: "decode.mid.\(key)", row: row)
            }
            try fixture.expect(image, toBe: "decode.out.sample", row: row)
        }
    }

    @Test(arguments: ["vae_dc", "vae_dc_shuffle"])
    func encode(name: String) throws {
        let fixture = try AutoencoderFixture("components/\(name)")
        let model = try AutoencoderDC(folder: "\(Fixtures.parity)/components/\(name)")
        var observed: [String: FloatImage] = [:]
        let latents = try model.encode(
            fixture.image("encode.in.image", row: 0), on: ThreadPool(threads: 2), observe: { observed[$0] = $1 },
            checkpoint: {})
        let last = model.configuration.encoderStages.count - 1
        for (key, ours) in [("down0", "down0"), ("down_last", "down\(last)")] {
            try fixture.expect(observed[ours], toBe: "encode.mid.\(key)", row: 0)
        }
        try fixture.expect(latents, toBe: "encode.out.latents", row: 0)
    }
}
