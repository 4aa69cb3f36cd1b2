import PRX
import PackshotTestSupport
import Tensors
import Testing

/// Inputs, intermediates and outputs of a reference autoencoder, with their tolerances.
struct AutoencoderFixture {
    private struct Case: Decodable {
        struct Run: Decodable {
            let tag: String
            let atol: Double
            let rtol: Double
        }
        let runs: [Run]
    }

    private let tensors: [String: StoredTensor]
    private let cases: Case

    init(_ folder: String) throws {
        tensors = try Fixtures.tensors("\(folder)/io.safetensors")
        cases = try Fixtures.json(Case.self, "\(folder)/case.json")
    }

    /// A row of a batch.
    func image(_ name: String, row: Int) throws -> FloatImage {
        let tensor = try #require(tensors[name])
        let shape = tensor.shape
        let image = FloatImage(channels: shape[1], height: shape[2], width: shape[3])
        tensor.copy(from: row * image.values.count, count: image.values.count, to: image.values.pointer)
        return image
    }

    /// Expects a row of a batch: within the case's tolerances, and within 1e-4 (L2) of its size.
    func expect(_ actual: FloatImage?, toBe name: String, row: Int) throws {
        let actual = try #require(actual, "\(name) was not observed")
        let expected = try image(name, row: row)
        #expect(
            [actual.channels, actual.height, actual.width] == [expected.channels, expected.height, expected.width])
        let run = try #require(cases.runs.first { name.hasPrefix($0.tag) })
        let deviation = Deviation(actual.values.array, expected.values.array, atol: run.atol, rtol: run.rtol)
        #expect(deviation.excess <= 0, "\(name) row \(row): \(deviation), excess \(deviation.excess)")
        #expect(deviation.relativeL2 <= 1e-4, "\(name) row \(row): \(deviation)")
    }
}
