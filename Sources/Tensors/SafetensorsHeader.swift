internal import StrictJSON

/// Reads the JSON header of a safetensors file: an object of tensors, each with `dtype`, `shape` and `data_offsets`, and an
/// optional `__metadata__` of strings.
///
/// Reads this one grammar and nothing more, because a general JSON reader allocates before one can object, recurses as deep as
/// the input says, and keeps the last of two equal keys. Format: huggingface/safetensors, README "Format".
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let type: String
        let shape: [Int]
        let start: Int
        let end: Int
    }

    let entries: [Entry]
    let metadata: [String: String]

    init(_ bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) {
        var scanner = JSONScanner(bytes)
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        var names: Set<String> = []
        try scanner.object { scanner, key throws(JSONScanner.Malformed) in
            let name = String(decoding: key, as: UTF8.self)
            guard names.insert(name).inserted else {
                throw JSONScanner.Malformed(reason: "the key \(Self.shown(name)) occurs twice")
            }
            guard name == "__metadata__" else {
                entries.append(try Self.entry(name, &scanner))
                return
            }
            try scanner.object { scanner, key throws(JSONScanner.Malformed) in
                metadata[String(decoding: key, as: UTF8.self)] = try scanner.string()
            }
        }
        try scanner.finish()
        self.entries = entries
        self.metadata = metadata
    }

    static func shown(_ name: String) -> String {
        name.count > 120 ? name.prefix(120).debugDescription + "…" : name.debugDescription
    }

    private static func entry(_ name: String, _ scanner: inout JSONScanner) throws(JSONScanner.Malformed) -> Entry {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, key throws(JSONScanner.Malformed) in
            switch String(decoding: key, as: UTF8.self) {
            case "dtype" where type == nil: type = try scanner.string()
            case "shape" where shape == nil: shape = try integers(&scanner, atMost: 16)
            case "data_offsets" where offsets == nil: offsets = try integers(&scanner, atMost: 2)
            case let other:
                throw JSONScanner.Malformed(reason: "tensor \(shown(name)): unexpected key \(shown(other))")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw JSONScanner.Malformed(reason: "tensor \(shown(name)): dtype, shape or data_offsets is missing")
        }
        return Entry(name: name, type: type, shape: shape, start: offsets[0], end: offsets[1])
    }

    private static func integers(
        _ scanner: inout JSONScanner, atMost limit: Int
    ) throws(JSONScanner.Malformed) -> [Int] {
        var values: [Int] = []
        try scanner.array { scanner throws(JSONScanner.Malformed) in
            guard values.count < limit else { throw JSONScanner.Malformed(reason: "a list is too long") }
            values.append(try scanner.integer())
        }
        return values
    }
}
