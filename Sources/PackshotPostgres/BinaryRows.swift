internal import Foundation

/// Rows in COPY's binary format (PostgreSQL manual, "COPY", "File Formats"): lengths and big-endian numbers, so that the server
/// neither looks for delimiters nor reads digits.
struct BinaryRows {
    /// What was appended and not taken yet; the first piece begins with the format's header.
    private(set) var bytes: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)

    /// Begins a row; exactly so many values must follow.
    mutating func row(columns: Int16) { integer(columns) }

    /// Ends the data.
    mutating func end() { integer(Int16(-1)) }

    /// Hands over what is there and starts an empty piece.
    mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    mutating func null() { integer(Int32(-1)) }

    /// `smallint`, `integer` or `bigint`, by the type given.
    mutating func number(_ value: some FixedWidthInteger) {
        integer(Int32(value.bitWidth / 8))
        integer(value)
    }

    /// `double precision`.
    mutating func number(_ value: Double) { number(value.bitPattern) }

    /// `numeric` without a fraction: digits of base 10,000, the first one's power of it, sign and scale.
    mutating func numeric(_ value: UInt64) {
        var digits: [Int16] = []
        var rest = value
        while rest > 0 {
            digits.append(Int16(rest % 10_000))
            rest /= 10_000
        }
        integer(Int32(8 + 2 * digits.count))
        integer(Int16(digits.count))
        integer(Int16(max(0, digits.count - 1)))
        integer(Int32(0))
        for digit in digits.reversed() { integer(digit) }
    }

    /// `text`, or the label of an enumeration.
    mutating func text(_ value: String) {
        integer(Int32(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// `bytea`.
    mutating func data(_ value: [UInt8]) {
        integer(Int32(value.count))
        bytes.append(contentsOf: value)
    }

    /// `jsonb`, from its text: a version and the text.
    mutating func json(_ value: String) {
        integer(Int32(value.utf8.count + 1))
        bytes.append(1)
        bytes.append(contentsOf: value.utf8)
    }

    /// `jsonb`: an object of strings.
    mutating func json(_ members: [String: String]) {
        let start = bytes.count
        integer(Int32(0))
        bytes.append(1)
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in members {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            quote(name)
            bytes.append(UInt8(ascii: ":"))
            quote(value)
        }
        bytes.append(UInt8(ascii: "}"))
        withUnsafeBytes(of: Int32(bytes.count - start - 4).bigEndian) { length in
            bytes.replaceSubrange(start..<(start + 4), with: length)
        }
    }

    /// `timestamptz`: microseconds since the beginning of 2000.
    mutating func date(_ value: Date) {
        let seconds = value.timeIntervalSince1970 - 946_684_800
        number(Int64((max(-9e11, min(9e11, seconds)) * 1_000_000).rounded()))
    }

    private mutating func quote(_ text: String) {
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

    private mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
