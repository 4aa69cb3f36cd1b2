internal import Foundation

/// Rows in COPY's binary format (PostgreSQL manual, "COPY", "File Formats"): lengths and big-endian numbers, so that the server
/// neither looks for delimiters nor reads digits.
struct BinaryRows {
    private var fields = BinaryFields()

    init() {
        for byte in Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] { fields.header(byte) }
        // Flags and the length of an extension.
        fields.header(Int64(0))
    }

    /// How much was appended and not taken yet; the first piece begins with the format's header.
    var count: Int { fields.bytes.count }

    /// Begins a row; exactly so many values must follow.
    mutating func row(columns: Int16) { fields.header(columns) }

    /// Ends the data.
    mutating func end() { fields.header(Int16(-1)) }

    /// Hands over what is there and starts an empty piece.
    mutating func take() -> [UInt8] { fields.take() }

    mutating func null() { fields.null() }

    /// `smallint`, `integer` or `bigint`, by the type given.
    mutating func number(_ value: some FixedWidthInteger) { fields.number(value) }

    /// `double precision`.
    mutating func number(_ value: Double) { fields.number(value.bitPattern) }

    /// `numeric` without a fraction: digits of base 10,000, the first one's power of it, sign and scale.
    mutating func numeric(_ value: UInt64) {
        var digits: [Int16] = []
        var rest = value
        while rest > 0 {
            digits.append(Int16(rest % 10_000))
            rest /= 10_000
        }
        fields.header(Int32(8 + 2 * digits.count))
        fields.header(Int16(digits.count))
        fields.header(Int16(max(0, digits.count - 1)))
        fields.header(Int32(0))
        for digit in digits.reversed() { fields.header(digit) }
    }

    /// `text`, or the label of an enumeration.
    mutating func text(_ value: String) { fields.text(value) }

    /// `bytea`.
    mutating func data(_ value: [UInt8]) { fields.data(value) }

    /// `jsonb`, from its text: a version and the text.
    mutating func json(_ value: String) {
        fields.sized { bytes in
            bytes.append(1)
            bytes.append(contentsOf: value.utf8)
        }
    }

    /// `jsonb`: an object of strings.
    mutating func json(_ members: [String: String]) {
        fields.sized { bytes in
            bytes.append(1)
            bytes.append(UInt8(ascii: "{"))
            var isFirst = true
            for (name, value) in members {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                Self.quote(name, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                Self.quote(value, into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// `timestamptz`: microseconds since the beginning of 2000.
    mutating func date(_ value: Date) {
        let seconds = value.timeIntervalSince1970 - 946_684_800
        number(Int64((max(-9e11, min(9e11, seconds)) * 1_000_000).rounded()))
    }

    private static func quote(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        let isPlain = text.utf8.allSatisfy { $0 >= 32 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard !isPlain else {
            bytes.append(contentsOf: text.utf8)
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<32:
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: (byte < 16 ? "\\u000" : "\\u00").utf8)
                bytes.append(contentsOf: digits.utf8)
            default: bytes.append(byte)
            }
        }
    }
}
