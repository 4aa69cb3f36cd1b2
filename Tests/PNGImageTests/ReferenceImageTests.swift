import Foundation
import PNGImage
import Testing

/// PNG files that diffusers and Pillow wrote, against the float images they were made from.
@Suite("Reference images")
struct ReferenceImageTests {
    static let pipelines = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/parity/pipelines")

    struct Cases: Decodable {
        struct Run: Decodable {
            let id: String
            let expected: String
            let expectedPNG: [String]

            enum CodingKeys: String, CodingKey {
                case id, expected
                case expectedPNG = "expected_png"
            }
        }

        let runs: [Run]
    }

    @Test(arguments: ["flux", "dcae", "pixel", "bf16", "sharded"])
    func decodedPixelsAreTheFloatImageRounded(pipeline: String) throws {
        let folder = ReferenceImageTests.pipelines.appending(path: pipeline)
        let cases = try JSONDecoder().decode(Cases.self, from: Data(contentsOf: folder.appending(path: "cases.json")))
        try #require(!cases.runs.isEmpty)
        for run in cases.runs {
            let image = try ReferenceImageTests.tensor("image", in: folder.appending(path: run.expected))
            try #require(image.shape.count == 4 && image.shape[0] == run.expectedPNG.count && image.shape[1] == 3)
            let (height, width) = (image.shape[2], image.shape[3])
            for (number, path) in run.expectedPNG.enumerated() {
                let png = try Data(contentsOf: folder.appending(path: path))
                let bitmap = try PNGDecoder.decode([UInt8](png)).bitmap
                try #require(bitmap.width == width && bitmap.height == height && bitmap.format == .rgb8)
                var expected: [UInt8] = []
                for pixel in 0..<(height * width) {
                    for channel in 0..<3 {
                        let value = image.values[(number * 3 + channel) * height * width + pixel]
                        let unit = max(0, min(1, value * 0.5 + 0.5))
                        expected.append(UInt8((unit * 255).rounded(.toNearestOrEven)))
                    }
                }
                #expect(bitmap.pixels == expected, "\(pipeline) \(path)")
            }
        }
    }

    /// Reads a float32 tensor of a safetensors file.
    static func tensor(_ name: String, in file: URL) throws -> (shape: [Int], values: [Float]) {
        let data = try Data(contentsOf: file)
        let headerLength = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try #require(
            JSONSerialization.jsonObject(with: data[8..<(8 + headerLength)]) as? [String: Any])
        let entry = try #require(header[name] as? [String: Any])
        try #require(entry["dtype"] as? String == "F32")
        let shape = try #require(entry["shape"] as? [Int])
        let offsets = try #require(entry["data_offsets"] as? [Int])
        let bytes = [UInt8](data[(8 + headerLength + offsets[0])..<(8 + headerLength + offsets[1])])
        let values = bytes.withUnsafeBytes { buffer in
            (0..<(buffer.count / 4)).map { buffer.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
        return (shape, values)
    }
}
