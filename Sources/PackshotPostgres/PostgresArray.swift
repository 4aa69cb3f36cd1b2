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
    private var elements = BinaryFields()
    private var count: Int32 = 0
    private var hasNull = false

    /// An empty array.
    init(of element: Element) {
        self.element = element
    }

    mutating func append(_ value: Int64?) { add(value) { $0.number($1) } }
    mutating func append(_ value: Int32?) { add(value) { $0.number($1) } }
    mutating func append(_ value: Bool?) { add(value) { $0.boolean($1) } }
    mutating func append(_ value: [UInt8]?) { add(value) { $0.data($1) } }
    mutating func append(_ value: String?) { add(value) { $0.text($1) } }

    private mutating func add<Value>(_ value: Value?, _ write: (inout BinaryFields, Value) -> Void) {
        count += 1
        if let value {
            write(&elements, value)
        } else {
            hasNull = true
            elements.null()
        }
    }

    /// The array as a parameter.
    var value: PostgresValue {
        var array = BinaryFields()
        array.header(Int32(count == 0 ? 0 : 1))
        array.header(Int32(hasNull ? 1 : 0))
        array.header(element.number)
        if count > 0 {
            array.header(count)
            array.header(Int32(1))
        }
        return PostgresValue(binary: array.bytes + elements.bytes)
    }
}

extension PostgresValue {
    /// `bigint[]`.
    static func bigints(_ values: some Sequence<Int64?>) -> PostgresValue {
        array(of: .bigint, values) { $0.append($1) }
    }

    /// `integer[]`.
    static func integers(_ values: some Sequence<Int32>) -> PostgresValue {
        array(of: .integer, values) { $0.append($1) }
    }

    /// `text[]`.
    static func texts(_ values: some Sequence<String>) -> PostgresValue {
        array(of: .text, values) { $0.append($1) }
    }

    private static func array<Values: Sequence>(
        of element: PostgresArray.Element, _ values: Values, _ append: (inout PostgresArray, Values.Element) -> Void
    ) -> PostgresValue {
        var array = PostgresArray(of: element)
        for value in values { append(&array, value) }
        return array.value
    }
}
