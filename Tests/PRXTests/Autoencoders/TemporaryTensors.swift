import Foundation
import Tensors
import Testing

/// A safetensors file that lasts as long as its owner.
final class TemporaryTensors {
    let folder: URL
    private let file: SafetensorsFile

    init(_ tensors: [String: (shape: [Int], values: [Float])]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("diffusion_pytorch_model.safetensors")
        try Self.bytes(tensors).write(to: path)
        file = try SafetensorsFile(path: path.path)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    subscript(name: String) -> StoredTensor {
        get throws { try #require(file.tensors[name]) }
    }

    private static func bytes(_ tensors: [String: (shape: [Int], values: [Float])]) throws -> Data {
        var header: [String: [String: Any]] = [:]
        var values: [Float] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let start = values.count * 4
            values += tensor.values
            header[name] = ["dtype": "F32", "shape": tensor.shape, "data_offsets": [start, values.count * 4]]
        }
        let text = try JSONSerialization.data(withJSONObject: header)
        var data = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
        data += text
        data += values.withUnsafeBytes { Data($0) }
        return data
    }
}
