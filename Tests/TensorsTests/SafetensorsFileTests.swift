import Foundation
import Tensors
import Testing

@Suite("Safetensors files")
struct SafetensorsFileTests {
    private func write(header: String, data: [UInt8] = [], length: UInt64? = nil) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
            .path
        var bytes = withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) }
        bytes += Array(header.utf8) + data
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func readsEveryFloatingPointTypeExactly() throws {
        let data: [UInt8] =
            [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC1]  // F32 1, -10
            + [0x80, 0x3F, 0x20, 0xC1]  // BF16 1, -10
            + [0, 0x3C, 0, 0xC9, 1, 0, 0, 0x7C]  // F16 1, -10, 2^-24, infinity
        let path = try write(
            header: """
                {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                "b\\u00e9":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]},"c":{"dtype":"F16","shape":[4],"data_offsets":[12,20]}}
                """, data: data)
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensors["a"]?.floats().array == [1, -10])
        #expect(file.tensors["bé"]?.floats().array == [1, -10])
        #expect(file.tensors["bé"]?.shape == [1, 2])
        #expect(file.tensors["c"]?.floats().array == [1, -10, 0x1p-24, .infinity])
    }

    @Test(arguments: [
        (
            "overlap",
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
            "overlaps"
        ),
        ("gap", #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, "gap"),
        ("left over", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, "belong to no tensor"),
        ("past the end", #"{"a":{"dtype":"U8","shape":[99],"data_offsets":[0,99]}}"#, "truncated"),
        (
            "huge shape", #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,6]}}"#,
            "impossible shape"
        ),
        ("huge number", #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,6]}}"#, "too large"),
        ("wrong size", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,6]}}"#, "takes 8"),
        (
            "duplicate",
            #"{"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]}}"#,
            "twice"
        ),
        ("type", #"{"a":{"dtype":"Q4","shape":[6],"data_offsets":[0,6]}}"#, "unknown type"),
        ("deep", String(repeating: "[", count: 100_000), "expected {"),
        ("text behind", "{}x", "unexpected text"),
        ("negative", #"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,6]}}"#, "a whole number is missing"),
    ])
    func refuses(what: String, header: String, mentions: String) throws {
        let path = try write(header: header, data: [0, 0, 0, 0, 0, 0])
        let error = #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
        #expect(error?.message.contains(mentions) == true, "\(what): \(error?.message ?? "")")
        #expect(error?.message.contains(path) == true)
    }

    @Test(arguments: [UInt64.max, 1 << 62, 100_000_001, 3])
    func refusesHeaderLengths(length: UInt64) throws {
        let path = try write(header: "{}", length: length)
        #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
    }

    /// Damaged copies of a good header: an error or a checked file, never a crash.
    @Test func seededMutationsNeverCrash() throws {
        let header = Array(
            #"{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}"#
                .utf8)
        var state: UInt64 = 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
            .path
        for _ in 0..<3_000 {
            var bytes =
                withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
                + [UInt8](repeating: 1, count: 10)
            for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
            if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            if let file = try? SafetensorsFile(path: path) {
                for tensor in file.tensors.values {
                    #expect(tensor.bytes.count == tensor.count * tensor.type.byteCount)
                }
            }
        }
    }
}
