/// Reads JSON from front to back, value by value, as its caller's grammar asks for it.
///
/// For the two places where a general reader will not do: headers of weight files, which must be bounded and checked before
/// anything is allocated, and vocabularies with hundreds of thousands of words. Never recurses, allocates only what it hands
/// out, and reads nothing outside of the buffer. Grammar: RFC 8259.
package struct JSONScanner {
    /// What is wrong with the text, for a message that names the file.
    package struct Malformed: Error {
        /// A sentence's end, without the file.
        package let reason: String

        package init(reason: String) {
            self.reason = reason
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameter bytes: UTF-8; must outlive the scanner.
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Passes white space and, if it follows, one character of syntax.
    /// - Returns: Whether it followed.
    package mutating func accept(_ syntax: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: syntax) else { return false }
        position += 1
        return true
    }

    /// Passes white space and one character of syntax.
    /// - Throws: ``Malformed`` when something else follows.
    package mutating func expect(_ syntax: Unicode.Scalar) throws(Malformed) {
        guard accept(syntax) else { throw Malformed(reason: "expected \(syntax) at byte \(position)") }
    }

    /// Passes an object.
    /// - Parameter member: Passes a member's value; given its key in UTF-8.
    package mutating func object(
        _ member: (inout JSONScanner, [UInt8]) throws(Malformed) -> Void
    ) throws(Malformed) {
        try expect("{")
        guard !accept("}") else { return }
        var key: [UInt8] = []
        repeat {
            key.removeAll(keepingCapacity: true)
            try string(into: &key)
            try expect(":")
            try member(&self, key)
        } while accept(",")
        try expect("}")
    }

    /// Passes an array.
    /// - Parameter element: Passes an element.
    package mutating func array(_ element: (inout JSONScanner) throws(Malformed) -> Void) throws(Malformed) {
        try expect("[")
        guard !accept("]") else { return }
        repeat { try element(&self) } while accept(",")
        try expect("]")
    }

    /// Checks that nothing but white space is left.
    package mutating func finish() throws(Malformed) {
        skipSpace()
        guard position == bytes.count else { throw Malformed(reason: "unexpected text at byte \(position)") }
    }

    /// True when a string comes next.
    package mutating func isAtString() -> Bool {
        skipSpace()
        return position < bytes.count && bytes[position] == UInt8(ascii: "\"")
    }

    /// A whole number that is not negative.
    package mutating func integer() throws(Malformed) -> Int {
        skipSpace()
        var value = 0
        let start = position
        while position < bytes.count, case let digit = bytes[position], (48...57).contains(digit) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int(digit - 48))
            guard !overflow, !overflow2 else { throw Malformed(reason: "a number is too large at byte \(start)") }
            value = sum
            position += 1
        }
        guard position > start else { throw Malformed(reason: "a whole number is missing at byte \(position)") }
        return value
    }

    /// A string.
    package mutating func string() throws(Malformed) -> String {
        var text: [UInt8] = []
        try string(into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the UTF-8 of a string.
    package mutating func string(into text: inout [UInt8]) throws(Malformed) {
        try expect("\"")
        let first = text.count
        var isASCII = true
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard isASCII || Self.isValidUTF8(text[first...]) else {
                    throw Malformed(reason: "a string that is not UTF-8 ends at byte \(position)")
                }
                return
            case UInt8(ascii: "\\"):
                isASCII = false
                text += try escape()
            case 0..<32:
                throw Malformed(reason: "a control character in a string at byte \(position - 1)")
            default:
                if byte >= 128 { isASCII = false }
                text.append(byte)
            }
        }
        throw Malformed(reason: "a string does not end")
    }

    /// Passes one value of any kind.
    /// - Returns: Its bytes' places. They are balanced, but not otherwise checked.
    package mutating func skipValue() throws(Malformed) -> Range<Int> {
        skipSpace()
        let start = position
        var depth = 0
        repeat {
            skipSpace()
            guard position < bytes.count else { throw Malformed(reason: "the text ends within a value") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                try skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= 64 else { throw Malformed(reason: "nested deeper than 64 at byte \(position)") }
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw Malformed(reason: "a value is missing at byte \(position)") }
                depth -= 1
                position += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw Malformed(reason: "a value is missing at byte \(position)") }
                position += 1
            default:
                skipLiteral()
            }
        } while depth > 0
        return start..<position
    }

    private mutating func skipString() throws(Malformed) {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw Malformed(reason: "a string does not end")
    }

    /// A number, true, false or null, or what stands in their place.
    private mutating func skipLiteral() {
        while position < bytes.count {
            switch bytes[position] {
            case 9, 10, 13, 32, UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "]"), UInt8(ascii: "}"),
                UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "\""):
                return
            default: position += 1
            }
        }
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
                else { throw Malformed(reason: "half a surrogate pair at byte \(position)") }
                position += 2
                let low = try hexUnit()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw Malformed(reason: "half a surrogate pair at byte \(position)")
                }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else {
                throw Malformed(reason: "half a surrogate pair at byte \(position)")
            }
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
        while position < bytes.count {
            switch bytes[position] {
            case 9, 10, 13, 32: position += 1
            default: return
            }
        }
    }

    private static func isValidUTF8(_ text: ArraySlice<UInt8>) -> Bool {
        String(validating: text, as: UTF8.self) != nil
    }
}
