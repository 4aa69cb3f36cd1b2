internal import Foundation

/// A parameter, in PostgreSQL's text or binary form.
struct PostgresValue: Sendable {
    /// As they are sent, a text with a zero byte after it; nil for NULL.
    let bytes: [UInt8]?
    let isBinary: Bool

    private init(text: String?) {
        bytes = text.map { Array($0.utf8) + [0] }
        isBinary = false
    }

    /// A value in the binary form of its type.
    init(binary: [UInt8]) {
        bytes = binary
        isBinary = true
    }

    static let null = PostgresValue(text: nil)
    static func text(_ value: String?) -> PostgresValue { PostgresValue(text: value) }
    static func integer(_ value: some BinaryInteger) -> PostgresValue { PostgresValue(text: String(value)) }
    static func boolean(_ value: Bool) -> PostgresValue { PostgresValue(text: value ? "t" : "f") }
    static func bytes(_ value: [UInt8]) -> PostgresValue { PostgresValue(text: hexadecimal(value)) }

    /// Microseconds, for `$n::bigint * interval '1 microsecond'`.
    static func microseconds(_ value: Duration) -> PostgresValue {
        integer(value.components.seconds * 1_000_000 + value.components.attoseconds / 1_000_000_000_000)
    }

    static func integers(_ values: [some BinaryInteger]) -> PostgresValue {
        array(values) { value, bytes in bytes += String(value).utf8 }
    }

    /// An array of texts, each quoted, so that nothing in them is read as the array's own syntax.
    static func texts(_ values: [String?]) -> PostgresValue {
        array(values) { value, bytes in
            guard let value else {
                bytes += "NULL".utf8
                return
            }
            bytes.append(UInt8(ascii: "\""))
            for byte in value.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
                bytes.append(byte)
            }
            bytes.append(UInt8(ascii: "\""))
        }
    }

    private static func array<Element>(
        _ values: [Element], _ append: (Element, inout [UInt8]) -> Void
    ) -> PostgresValue {
        var bytes = [UInt8(ascii: "{")]
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(value, &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return PostgresValue(text: String(decoding: bytes, as: UTF8.self))
    }

    /// A value as `json`, keys in order.
    /// - Throws: `EncodingError` for a number that JSON does not know.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// `bytea` in hexadecimal form.
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("\\x".utf8)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
