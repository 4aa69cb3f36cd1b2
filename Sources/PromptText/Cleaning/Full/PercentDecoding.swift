/// `urllib.parse.unquote_plus` of Python.
enum PercentDecoding {
    /// Each `+` a space, each `%` with two hexadecimal digits a byte. The bytes of each run of ASCII characters are read
    /// as UTF-8 by themselves; what is none becomes U+FFFD. Any other `%` stays.
    static func decode(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("%") else { return text.map { $0 == "+" ? " " : $0 } }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var bytes: [UInt8] = []
        var next = 0
        while next < text.count {
            let scalar = text[next]
            next += 1
            guard scalar.value < 0x80 else {
                UTF8Bytes.decodeReplacing(bytes, into: &result)
                bytes.removeAll(keepingCapacity: true)
                result.append(scalar)
                continue
            }
            if scalar == "%", next + 1 < text.count, let high = HTMLUnescape.digitValue(text[next], radix: 16),
                let low = HTMLUnescape.digitValue(text[next + 1], radix: 16)
            {
                bytes.append(UInt8(high << 4 | low))
                next += 2
            } else {
                bytes.append(scalar == "+" ? 0x20 : UInt8(scalar.value))
            }
        }
        UTF8Bytes.decodeReplacing(bytes, into: &result)
        return result
    }
}
