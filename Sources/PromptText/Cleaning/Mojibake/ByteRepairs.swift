// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// Repairs of bytes that are UTF-8 but for what some program did to them on the way.
///
/// Source: `restore_byte_a0` and `replace_lossy_sequences` of ftfy's `fixes.py`, `ALTERED_UTF8_RE` and `LOSSY_UTF8_RE` of
/// its `chardata.py`.
enum ByteRepairs {
    private static let space: UInt8 = 0x20
    private static let lost: UInt8 = 0x1A
    private static let question: UInt8 = 0x3F

    /// Byte A0 put back where it became a space and the bytes around it say so.
    static func restoreA0(_ bytes: inout [UInt8]) {
        guard bytes.contains(space) else { return }
        restoreAGrave(&bytes)
        var next = 0
        while next + 1 < bytes.count {
            let lead = bytes[next]
            guard lead >= 0xC2 else {
                next += 1
                continue
            }
            let length = alteredLength(bytes, next)
            for index in next..<next + length where bytes[index] == space { bytes[index] = 0xA0 }
            next += max(length, 1)
        }
    }

    /// `Ã ` is mostly the word "à": the space stays, and A0 comes before it. Not in Portuguese "às", "àquele" and such.
    private static func restoreAGrave(_ bytes: inout [UInt8]) {
        func isWordAlone(_ end: Int) -> Bool {
            guard end < bytes.count else { return true }
            if bytes[end] == space { return false }
            return !["quele", "quela", "quilo", "s "].contains { bytes[end...].starts(with: $0.utf8) }
        }
        var places: [Int] = []
        for index in bytes.indices.dropLast() where bytes[index] == 0xC3 && bytes[index + 1] == space {
            if isWordAlone(index + 2) { places.append(index + 1) }
        }
        guard !places.isEmpty else { return }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + places.count)
        var copied = 0
        for place in places {
            result.append(contentsOf: bytes[copied..<place])
            result.append(0xA0)
            copied = place
        }
        result.append(contentsOf: bytes[copied...])
        bytes = result
    }

    /// How many bytes, from here, are a sequence in which one A0 became a space; 0 for none.
    private static func alteredLength(_ bytes: [UInt8], _ start: Int) -> Int {
        func byte(_ offset: Int) -> UInt8 { start + offset < bytes.count ? bytes[start + offset] : 0 }
        func isContinuation(_ byte: UInt8) -> Bool { (0x80...0xBF).contains(byte) }
        // 85 is left out: it is the ellipsis, which stands before spaces. A0 is what is sought.
        func isPlain(_ byte: UInt8) -> Bool { isContinuation(byte) && byte != 0x85 && byte != 0xA0 }
        let (first, second, third) = (byte(1), byte(2), byte(3))
        switch byte(0) {
        case 0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9: return first == space ? 2 : 0
        case 0xE0...0xE3:
            if byte(0) >= 0xE2, first == space, isPlain(second) { return 3 }
            return isPlain(first) && second == space ? 3 : 0
        case 0xF0:
            let spaces = [first, second, third].count { $0 == space }
            let continuations = [first, second, third].count(where: isContinuation)
            return spaces == 1 && continuations == 2 ? 4 : 0
        default: return 0
        }
    }

    /// Sequences of which a byte is lost (1A, or `?` once) become U+FFFD whole.
    static func replaceLossy(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == lost || $0 == question }) else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 8)
        var next = 0
        while next < bytes.count {
            let length = lossyLength(bytes, next)
            if length == 0 {
                result.append(bytes[next])
            } else {
                result.append(contentsOf: [0xEF, 0xBF, 0xBD])
            }
            next += max(length, 1)
        }
        return result
    }

    private static func lossyLength(_ bytes: [UInt8], _ start: Int) -> Int {
        let lead = bytes[start]
        func byte(_ offset: Int) -> UInt8 { start + offset < bytes.count ? bytes[start + offset] : 0 }
        func isLost(_ byte: UInt8) -> Bool { byte == lost || byte == question }
        func isKeptOrLost(_ byte: UInt8) -> Bool { byte == lost || (0x80...0xBF).contains(byte) }
        switch lead {
        case lost: return 1
        case 0xC2...0xDF: return byte(1) == lost || (lead <= 0xC3 && byte(1) == question) ? 2 : 0
        case 0xE0...0xEF:
            if lead == 0xED, (0xA0...0xAF).contains(byte(1)), byte(3) == 0xED, (0xB0...0xBF).contains(byte(4)),
                isLost(byte(2)) && (isLost(byte(5)) || (0x80...0xBF).contains(byte(5)))
                    || isLost(byte(5)) && (0x80...0xBF).contains(byte(2))
            {
                return 6
            }
            return isLost(byte(1)) && isKeptOrLost(byte(2)) || isKeptOrLost(byte(1)) && isLost(byte(2)) ? 3 : 0
        case 0xF0...0xF4:
            let others = [byte(1), byte(2), byte(3)]
            guard others.allSatisfy({ isKeptOrLost($0) || $0 == question }), others.contains(where: isLost),
                others.count(where: { $0 == question }) <= 1
            else { return 0 }
            return 4
        default: return 0
        }
    }
}
