import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("T5GemmaEncoder against transformers")
struct T5GemmaParityTests {
    private struct Case: Decodable {
        struct Run: Decodable {
            let tag: String
            let atol: Double
            let rtol: Double
        }
        let runs: [Run]
    }

    @Test func hiddenStatesOfRealTokens() throws {
        let folder = "components/t5gemma"
        let io = try Fixtures.tensors("\(folder)/io.safetensors")
        let model = try T5GemmaEncoder(folder: "\(Fixtures.parity)/\(folder)")
        let pool = ThreadPool(threads: 2)
        var compared = 0
        for run in try Fixtures.json(Case.self, "\(folder)/case.json").runs {
            let ids = try #require(io["\(run.tag).in.input_ids"])
            let all = ids.integers()
            // Without a mask the encoder makes one: everything but padding, whose id is 0.
            let mask = io["\(run.tag).in.attention_mask"]?.integers() ?? all.map { $0 == 0 ? 0 : 1 }
            let length = ids.shape[1]
            for row in 0..<ids.shape[0] {
                let real = (0..<length).filter { mask[row * length + $0] == 1 }
                guard let first = real.first, real.count == (real.last ?? 0) - first + 1 else { continue }
                var layers: [Int: [Float]] = [:]
                let embedding = model.encode(
                    tokens: real.map { Int32(all[row * length + $0]) }, offset: first, pool: pool
                ) { layers[$0] = $1.array }
                var values = ["out.last_hidden_state": embedding.values.array]
                for (layer, hidden) in layers { values["mid.layer\(layer)"] = hidden }
                for (key, actual) in values {
                    guard let tensor = io["\(run.tag).\(key)"]?.floats().array else { continue }
                    let expected = real.flatMap { token in
                        tensor[((row * length + token) * model.width)..<((row * length + token + 1) * model.width)]
                    }
                    let deviation = Deviation(actual, expected, atol: run.atol, rtol: run.rtol)
                    #expect(deviation.excess <= 0, "\(run.tag) row \(row) \(key): \(deviation)")
                    #expect(deviation.relativeL2 <= 2e-5, "\(run.tag) row \(row) \(key): \(deviation)")
                    compared += 1
                }
            }
        }
        #expect(compared > 10)
    }

    @Test func textsOfABatchAreAsAlone() throws {
        let model = try T5GemmaEncoder(folder: "\(Fixtures.parity)/components/t5gemma")
        let texts = [(1, 3), (7, 0), (40, 11), (2, 5)].map { count, offset in
            TokenSequence(
                tokens: (0..<count).map { Int32(($0 * 31 + count) % model.vocabularySize) }, offset: offset)
        }
        for threads in 1...2 {
            let pool = ThreadPool(threads: threads)
            let together = model.encode(texts, pool: pool)
            #expect(together.count == texts.count)
            for (text, embedding) in zip(texts, together) {
                #expect(model.encode(tokens: text.tokens, offset: text.offset, pool: pool).bytes == embedding.bytes)
            }
        }
    }
}
