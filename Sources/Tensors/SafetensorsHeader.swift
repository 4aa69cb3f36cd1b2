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

    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]

    private var scanner: JSONScanner

    init(_ bytes: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) {
        scanner = JSONScanner(bytes)
        var names: Set<String> = []
        try scanner.expect("{")
        if !scanner.accept("}") {
            repeat {
                let name = try scanner.string()
                guard names.insert(name).inserted else {
                    throw JSONScanner.Malformed(reason: "the key \(Self.shown(name)) occurs twice")
                }
                try scanner.expect(":")
                if name == "__metadata__" { try readMetadata() } else { entries.append(try entry(name)) }
            } while scanner.accept(",")
            try scanner.expect("}")
        }
        try scanner.finish()
    }

    static func shown(_ name: String) -> String {
        name.count > 120 ? name.prefix(120).debugDescription + "…" : name.debugDescription
    }

    private mutating func readMetadata() throws(JSONScanner.Malformed) {
        try scanner.expect("{")
        if scanner.accept("}") { return }
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            metadata[key] = try scanner.string()
        } while scanner.accept(",")
        try scanner.expect("}")
    }

    private mutating func entry(_ name: String) throws(JSONScanner.Malformed) -> Entry {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.expect("{")
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            switch key {
            case "dtype" where type == nil: type = try scanner.string()
            case "shape" where shape == nil: shape = try integers(atMost: 16)
            case "data_offsets" where offsets == nil: offsets = try integers(atMost: 2)
            default:
                throw JSONScanner.Malformed(reason: "tensor \(Self.shown(name)): unexpected key \(Self.shown(key))")
            }
        } while scanner.accept(",")
        try scanner.expect("}")
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw JSONScanner.Malformed(reason: "tensor \(Self.shown(name)): dtype, shape or data_offsets is missing")
        }
        return Entry(name: name, type: type, shape: shape, start: offsets[0], end: offsets[1])
    }

    private mutating func integers(atMost limit: Int) throws(JSONScanner.Malformed) -> [Int] {
        var values: [Int] = []
        try scanner.expect("[")
        if scanner.accept("]") { return values }
        repeat {
            guard values.count < limit else { throw JSONScanner.Malformed(reason: "a list is too long") }
            values.append(try scanner.integer())
        } while scanner.accept(",")
        try scanner.expect("]")
        return values
    }
}
