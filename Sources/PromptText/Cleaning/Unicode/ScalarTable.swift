/// A value for each Unicode scalar, stored only for blocks of 256 that hold one.
struct ScalarTable<Value> {
    /// What scalars without an entry have.
    let absent: Value
    private var pages = [Int32](repeating: -1, count: 0x1100)
    private var values: [Value] = []

    init(absent: Value) { self.absent = absent }

    /// The scalar's value. Reading costs two array look-ups.
    subscript(_ scalar: Unicode.Scalar) -> Value {
        get {
            let page = Int(pages[Int(scalar.value >> 8)])
            return page < 0 ? absent : values[page + Int(scalar.value & 0xFF)]
        }
        set {
            let block = Int(scalar.value >> 8)
            if pages[block] < 0 {
                pages[block] = Int32(values.count)
                values.append(contentsOf: repeatElement(absent, count: 256))
            }
            values[Int(pages[block]) + Int(scalar.value & 0xFF)] = newValue
        }
    }
}

extension ScalarTable: Sendable where Value: Sendable {}
