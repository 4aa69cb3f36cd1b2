internal import Foundation
internal import PackshotJobs

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
        integer(value.wholeMicroseconds)
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
