/// UTF-8 as Python and ftfy decode it.
enum UTF8Bytes {
    /// Strict UTF-8; `nil` when some byte does not belong to it.
    ///
    /// - Parameter variants: Also take characters that were encoded as two surrogates of three bytes each (CESU-8) and
    ///   U+0000 as `C0 80`, as ftfy's codec `utf-8-variants` does. That codec's patterns end in `$`, which lets a line
    ///   feed at the very end take the place of the last byte; so does this.
    static func decode(_ bytes: [UInt8], variants: Bool) -> [Unicode.Scalar]? {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(bytes.count)
        var next = 0
        while next < bytes.count {
            switch step(bytes, next) {
            case .scalar(let scalar, let length):
                result.append(scalar)
                next += length
            case .invalid:
                guard variants, let (scalar, length) = variant(bytes, next) else { return nil }
                result.append(scalar)
                next += length
            }
        }
        return result
    }

    /// UTF-8 in which each longest beginning of a sequence that goes wrong becomes one U+FFFD (Python's `replace`).
    static func decodeReplacing(_ bytes: [UInt8], into result: inout [Unicode.Scalar]) {
        var next = 0
        while next < bytes.count {
            switch step(bytes, next) {
            case .scalar(let scalar, let length):
                result.append(scalar)
                next += length
            case .invalid(let length):
                result.append("\u{FFFD}")
                next += length
            }
        }
    }

    private enum Step {
        case scalar(Unicode.Scalar, length: Int)
        case invalid(length: Int)
    }

    /// One sequence, by table 3-7 of the Unicode Standard.
    private static func step(_ bytes: [UInt8], _ start: Int) -> Step {
        let lead = bytes[start]
        if lead < 0x80 { return .scalar(Unicode.Scalar(lead), length: 1) }
        let count: Int
        var allowed: ClosedRange<UInt8> = 0x80...0xBF
        var value: UInt32
        switch lead {
        case 0xC2...0xDF: (count, value) = (2, UInt32(lead & 0x1F))
        case 0xE0...0xEF:
            (count, value) = (3, UInt32(lead & 0x0F))
            if lead == 0xE0 { allowed = 0xA0...0xBF } else if lead == 0xED { allowed = 0x80...0x9F }
        case 0xF0...0xF4:
            (count, value) = (4, UInt32(lead & 0x07))
            if lead == 0xF0 { allowed = 0x90...0xBF } else if lead == 0xF4 { allowed = 0x80...0x8F }
        default: return .invalid(length: 1)
        }
        for offset in 1..<count {
            guard start + offset < bytes.count, allowed.contains(bytes[start + offset]) else {
                return .invalid(length: offset)
            }
            value = value << 6 | UInt32(bytes[start + offset] & 0x3F)
            allowed = 0x80...0xBF
        }
        return Unicode.Scalar(value).map { .scalar($0, length: count) } ?? .invalid(length: 1)
    }

    private static func variant(_ bytes: [UInt8], _ start: Int) -> (Unicode.Scalar, length: Int)? {
        func isLast(_ index: Int) -> Bool { index == bytes.count - 1 && bytes[index] == 0x0A }
        if bytes[start] == 0xC0, start + 1 < bytes.count, bytes[start + 1] == 0x80 || isLast(start + 1) {
            return ("\0", 2)
        }
        guard bytes[start] == 0xED, start + 5 < bytes.count, (0xA0...0xAF).contains(bytes[start + 1]),
            (0x80...0xBF).contains(bytes[start + 2]), bytes[start + 3] == 0xED,
            (0xB0...0xBF).contains(bytes[start + 4]), (0x80...0xBF).contains(bytes[start + 5]) || isLast(start + 5)
        else { return nil }
        let high = UInt32(bytes[start + 1] & 0x0F) << 16 | UInt32(bytes[start + 2] & 0x3F) << 10
        let low = UInt32(bytes[start + 4] & 0x0F) << 6 | UInt32(bytes[start + 5] & 0x3F)
        return Unicode.Scalar(high + low + 0x1_0000).map { ($0, 6) }
    }
}
