import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("PRXTransformer2DModel against diffusers")
struct TransformerParityTests {
    private struct Case: Decodable {
        struct Run: Decodable {
            let tag: String
            let atol: Double
            let rtol: Double
        }
        let runs: [Run]
    }

    @Test(arguments: ["transformer_pixel", "transformer_flux", "transformer_dcae"])
    func outputsAndIntermediates(name: String) throws {
        let folder = "components/\(name)"
        let io = try Fixtures.tensors("\(folder)/io.safetensors")
        let model = try PRXTransformer2DModel(folder: "\(Fixtures.parity)/\(folder)")
        for run in try Fixtures.json(Case.self, "\(folder)/case.json").runs {
            let latents = try #require(io["\(run.tag).in.hidden_states"])
            let text = try #require(io["\(run.tag).in.encoder_hidden_states"])
            let mask = io["\(run.tag).in.attention_mask"]?.integers()
            let timesteps = try #require(io["\(run.tag).in.timestep"]).floats().array
            let output = try #require(io["\(run.tag).out.sample"]).floats().array
            let batch = latents.shape[0]
            let size = latents.count / batch
            for row in 0..<batch {
                let observed = try predict(
                    model, latents: latents, text: text, mask: mask,
                    timestep: timesteps[timesteps.count == 1 ? 0 : row], row: row)
                for (key, values) in observed {
                    let expected: [Float]
                    if key == "out" {
                        expected = Array(output[(row * size)..<((row + 1) * size)])
                    } else {
                        guard let middle = io["\(run.tag).mid.\(key)"] else { continue }
                        let all = middle.floats().array
                        // The resolution's and a broadcast timestep's vectors may be stored once.
                        let rows = middle.shape[0]
                        let part = all.count / rows
                        var stretch = Array(all[(part * min(row, rows - 1))..<(part * (min(row, rows - 1) + 1))])
                        if key == "txt_in", let mask {
                            // Padding is not among our tokens.
                            let length = text.shape[1]
                            let width = stretch.count / length
                            stretch = (0..<length).filter { mask[row * length + $0] == 1 }
                                .flatMap { stretch[($0 * width)..<(($0 + 1) * width)] }
                        }
                        expected = stretch
                    }
                    let deviation = Deviation(values, expected, atol: run.atol, rtol: run.rtol)
                    #expect(deviation.excess <= 0, "\(name) \(run.tag) row \(row) \(key): \(deviation)")
                    #expect(
                        expected.isEmpty || deviation.relativeL2 <= 2e-5,
                        "\(name) \(run.tag) row \(row) \(key): \(deviation)")
                }
            }
        }
    }

    private func predict(
        _ model: PRXTransformer2DModel, latents: StoredTensor, text: StoredTensor, mask: [Int]?, timestep: Float,
        row: Int
    ) throws -> [String: [Float]] {
        let (channels, height, width) = (latents.shape[1], latents.shape[2], latents.shape[3])
        let (length, textWidth) = (text.shape[1], text.shape[2])
        let real = (0..<length).filter { mask == nil || mask?[row * length + $0] == 1 }
        let values = FloatBuffer(count: real.count * textWidth)
        for (index, token) in real.enumerated() {
            text.copy(
                from: (row * length + token) * textWidth, count: textWidth, to: values.pointer + index * textWidth)
        }
        var observed: [String: [Float]] = [:]
        let pool = ThreadPool(threads: 2)
        let denoiser = PRXDenoiser(
            model: model, height: height, width: width,
            texts: [TextEmbedding(count: real.count, width: textWidth, values: values)], timesteps: [timestep],
            pool: pool
        ) { name, values, _ in observed[name] = Array(values) }
        let size = channels * height * width
        let input = FloatBuffer(count: size)
        latents.copy(from: row * size, count: size, to: input.pointer)
        let output = FloatBuffer(count: size)
        try denoiser.predict(input.pointer, step: 0, into: [output]) { name, values, _ in
            observed[name] = Array(values)
        } checkpoint: {
        }
        observed["out"] = output.array
        return observed
    }
}
