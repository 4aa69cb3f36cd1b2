/// An array parameter in PostgreSQL's binary form, filled element by element: cheaper than its text form for both sides,
/// because no number is spelt out and no text is quoted.
///
/// Source: PostgreSQL's `array_recv` and the `recv` functions of the element types. The parameter must be declared as an
/// array of exactly the element's type (`$1::bigint[]`).
struct PostgresArray {
    /// A type of elements, by its number in `pg_type`.
    struct Element: Sendable {
        fileprivate let number: Int32
        static let boolean = Element(number: 16)
        static let bytes = Element(number: 17)
        static let bigint = Element(number: 20)
        static let integer = Element(number: 23)
        static let text = Element(number: 25)
    }

    private let element: Element
    private var elements: [UInt8] = []
    private var count: Int32 = 0
    private var hasNull = false

    /// An empty array.
    init(of element: Element) {
        self.element = element
    }

    mutating func append(_ value: Int64) {
        begin(8)
        put(value)
    }

    mutating func append(_ value: Int32) {
        begin(4)
        put(value)
    }

    mutating func append(_ value: Bool) {
        begin(1)
        elements.append(value ? 1 : 0)
    }

    mutating func append(_ value: [UInt8]) {
        begin(Int32(value.count))
        elements += value
    }

    mutating func append(_ value: String) {
        var value = value
        value.withUTF8 { bytes in
            begin(Int32(bytes.count))
            elements.append(contentsOf: bytes)
        }
    }

    mutating func append(_ value: String?) {
        if let value { append(value) } else { appendNull() }
    }

    mutating func appendNull() {
        hasNull = true
        begin(-1)
    }

    /// The array as a parameter.
    var value: PostgresValue {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + elements.count)
        func header(_ number: Int32) { withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) } }
        header(count == 0 ? 0 : 1)
        header(hasNull ? 1 : 0)
        header(element.number)
        if count > 0 {
            header(count)
            header(1)
            bytes += elements
        }
        return PostgresValue(binary: bytes)
    }

    private mutating func begin(_ length: Int32) {
        count += 1
        put(length)
    }

    private mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { elements.append(contentsOf: $0) }
    }
}

extension PostgresValue {
    /// `bigint[]` in binary form.
    static func bigints(_ values: some Sequence<Int64>) -> PostgresValue {
        var array = PostgresArray(of: .bigint)
        for value in values { array.append(value) }
        return array.value
    }
}
