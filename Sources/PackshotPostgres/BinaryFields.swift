/// Values in PostgreSQL's binary form, each behind its length, one after the other: what rows of COPY and elements of arrays
/// consist of.
///
/// Source: the `recv` functions of the types (`int8recv` and so on).
struct BinaryFields {
    private(set) var bytes: [UInt8] = []

    init() {}

    /// A number without a length, as headers have them.
    mutating func header(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func null() { header(Int32(-1)) }

    /// `smallint`, `integer` or `bigint`, by the type given.
    mutating func number(_ value: some FixedWidthInteger) {
        header(Int32(value.bitWidth / 8))
        header(value)
    }

    mutating func boolean(_ value: Bool) {
        header(Int32(1))
        bytes.append(value ? 1 : 0)
    }

    /// `bytea`, or anything else whose binary form is at hand.
    mutating func data(_ value: some Collection<UInt8>) {
        header(Int32(value.count))
        bytes.append(contentsOf: value)
    }

    /// `text`, or the label of an enumeration.
    mutating func text(_ value: String) {
        var value = value
        value.withUTF8 { data($0) }
    }

    /// A value of any form, written by `body`.
    mutating func sized(_ body: (inout [UInt8]) -> Void) {
        let start = bytes.count
        header(Int32(0))
        body(&bytes)
        withUnsafeBytes(of: Int32(bytes.count - start - 4).bigEndian) { length in
            bytes.replaceSubrange(start..<(start + 4), with: length)
        }
    }

    /// Hands over what is there and goes on with nothing.
    mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }
}
