import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("Qwen3VLTextModel against transformers")
struct Qwen3VLParityTests {
    private struct Case: Decodable {
        struct Run: Decodable {
            let tag: String
            let atol: Double
            let rtol: Double
        }
        let runs: [Run]
    }

    @Test func hiddenStatesOfRealTokens() throws {
        let folder = "components/qwen3vl"
        let io = try Fixtures.tensors("\(folder)/io.safetensors")
        let model = try Qwen3VLTextModel(folder: "\(Fixtures.parity)/\(folder)")
        let pool = ThreadPool(threads: 2)
        for run in try Fixtures.json(Case.self, "\(folder)/case.json").runs {
            let ids = try #require(io["\(run.tag).in.input_ids"])
            let mask = try #require(io["\(run.tag).in.attention_mask"]).integers()
            let length = ids.shape[1]
            for row in 0..<ids.shape[0] {
                let real = (0..<length).filter { mask[row * length + $0] == 1 }
                let tokens = real.map { Int32(ids.integers()[row * length + $0]) }
                var first: [Float] = []
                let embedding = model.encode(tokens: tokens, offset: real.first ?? 0, pool: pool) { layer, hidden in
                    if layer == 0 { first = hidden.array }
                }
                for (key, values) in [("mid.layer0", first), ("out.last_hidden_state", embedding.values.array)] {
                    let all = try #require(io["\(run.tag).\(key)"]).floats().array
                    let expected = real.flatMap { token in
                        all[((row * length + token) * model.width)..<((row * length + token + 1) * model.width)]
                    }
                    let deviation = Deviation(values, expected, atol: run.atol, rtol: run.rtol)
                    #expect(real.isEmpty || deviation.excess <= 0, "\(run.tag) row \(row) \(key): \(deviation)")
                    #expect(real.isEmpty || deviation.relativeL2 <= 2e-5, "\(run.tag) row \(row) \(key): \(deviation)")
                }
            }
        }
    }
}
