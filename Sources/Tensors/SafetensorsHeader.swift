/// Reads the JSON header of a safetensors file: an object of tensors, each with `dtype`, `shape` and `data_offsets`, and an
/// optional `__metadata__` of strings.
///
/// A reader of this one grammar and nothing more, because a general JSON reader allocates before one can object, recurses
/// as deep as the input says, and keeps the last of two equal keys. Format: huggingface/safetensors, README "Format".
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

    struct Malformed: Error {
        let reason: String
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) throws(Malformed) {
        self.bytes = bytes
        var names: Set<String> = []
        try expect(UInt8(ascii: "{"))
        if !accept(UInt8(ascii: "}")) {
            repeat {
                let name = try string()
                guard names.insert(name).inserted else {
                    throw Malformed(reason: "the key \(Self.shown(name)) occurs twice")
                }
                try expect(UInt8(ascii: ":"))
                if name == "__metadata__" { try readMetadata() } else { entries.append(try entry(name)) }
            } while accept(UInt8(ascii: ","))
            try expect(UInt8(ascii: "}"))
        }
        skipSpace()
        guard position == bytes.count else { throw Malformed(reason: "text after the header's end") }
    }

    static func shown(_ name: String) -> String {
        name.count > 120 ? name.prefix(120).debugDescription + "…" : name.debugDescription
    }

    private mutating func readMetadata() throws(Malformed) {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return }
        repeat {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            metadata[key] = try string()
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    private mutating func entry(_ name: String) throws(Malformed) -> Entry {
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        try expect(UInt8(ascii: "{"))
        repeat {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            switch key {
            case "dtype" where type == nil: type = try string()
            case "shape" where shape == nil: shape = try integers(atMost: 16)
            case "data_offsets" where offsets == nil: offsets = try integers(atMost: 2)
            default: throw Malformed(reason: "tensor \(Self.shown(name)): unexpected key \(Self.shown(key))")
            }
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw Malformed(reason: "tensor \(Self.shown(name)): dtype, shape or data_offsets is missing")
        }
        return Entry(name: name, type: type, shape: shape, start: offsets[0], end: offsets[1])
    }

    private mutating func integers(atMost limit: Int) throws(Malformed) -> [Int] {
        var values: [Int] = []
        try expect(UInt8(ascii: "["))
        if accept(UInt8(ascii: "]")) { return values }
        repeat {
            guard values.count < limit else { throw Malformed(reason: "a list is too long") }
            values.append(try integer())
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return values
    }

    private mutating func integer() throws(Malformed) -> Int {
        skipSpace()
        var value = 0
        let start = position
        while position < bytes.count, case let digit = bytes[position], (48...57).contains(digit) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int(digit - 48))
            guard !overflow, !overflow2 else { throw Malformed(reason: "a number is too large") }
            value = sum
            position += 1
        }
        guard position > start else { throw Malformed(reason: "a number is missing at byte \(position)") }
        return value
    }

    private mutating func string() throws(Malformed) -> String {
        try expect(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw Malformed(reason: "a string is not UTF-8")
                }
                return result
            case UInt8(ascii: "\\"):
                text += try escape()
            case 0..<32:
                throw Malformed(reason: "a control character in a string at byte \(position - 1)")
            default:
                text.append(byte)
            }
        }
        throw Malformed(reason: "a string does not end")
    }

    private mutating func escape() throws(Malformed) -> [UInt8] {
        guard position < bytes.count else { throw Malformed(reason: "a string does not end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var unit = try hexUnit()
            if (0xD800..<0xDC00).contains(unit) {
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw Malformed(reason: "half a surrogate pair") }
                position += 2
                let low = try hexUnit()
                guard (0xDC00..<0xE000).contains(low) else { throw Malformed(reason: "half a surrogate pair") }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw Malformed(reason: "half a surrogate pair") }
            return Array(String(Character(scalar)).utf8)
        default:
            throw Malformed(reason: "an unknown escape at byte \(position - 1)")
        }
    }

    private mutating func hexUnit() throws(Malformed) -> UInt32 {
        guard position + 4 <= bytes.count else { throw Malformed(reason: "a string does not end") }
        var value: UInt32 = 0
        for offset in 0..<4 {
            let byte = bytes[position + offset]
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw Malformed(reason: "a bad escape at byte \(position)")
            }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }

    private mutating func skipSpace() {
        while position < bytes.count, [9, 10, 13, 32].contains(bytes[position]) { position += 1 }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(Malformed) {
        guard accept(byte) else {
            throw Malformed(reason: "expected \(Character(Unicode.Scalar(byte))) at byte \(position)")
        }
    }
}
