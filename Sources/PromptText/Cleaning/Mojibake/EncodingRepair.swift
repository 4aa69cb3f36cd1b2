// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// Undoes decoding with the wrong encoding.
///
/// Source: `fix_encoding` of ftfy's `__init__.py`, `decode_inconsistent_utf8` of its `fixes.py`.
enum EncodingRepair {
    /// The text decoded as it should have been, as often as it takes, or unchanged where it looks right.
    ///
    /// - Parameter work: Characters that may still be looked at; repairs end when it is used up.
    static func repair(_ text: [Unicode.Scalar], work: inout Int) -> [Unicode.Scalar] {
        var text = text
        while work > 0 {
            work -= text.count
            guard let repaired = step(text, work: &work), repaired != text else { break }
            text = repaired
        }
        return text
    }

    /// One repair; `nil` when there is nothing to do.
    private static func step(_ text: [Unicode.Scalar], work: inout Int) -> [Unicode.Scalar]? {
        guard text.contains(where: { $0.value >= 0x80 }), MojibakeDetector.isBad(text) else { return nil }
        let table = LegacyEncoding.table
        var possible: UInt16 = .max
        for scalar in text {
            possible &= scalar.value < 0x80 && scalar.value != 0x1A ? .max : table[scalar].encodings
            if possible == 0 { break }
        }
        func isPossible(_ encoding: LegacyEncoding) -> Bool { possible & 1 << encoding.rawValue != 0 }
        for encoding in LegacyEncoding.allCases where isPossible(encoding) {
            if let decoded = decode(text, readAs: encoding, table) { return decoded }
        }
        let inPieces = repairPieces(text, work: &work)
        if inPieces != text { return inPieces }
        // Latin-1 that was meant as Windows-1252, unless it holds one of the five bytes Windows does not assign.
        // Where it does, and where not all is Latin-1, the control characters change one by one, to the same effect
        // but for those five.
        return CharacterReplacements.replaceC1(text)
    }

    /// The text as UTF-8, if it is UTF-8 that was read in this encoding.
    private static func decode(
        _ text: [Unicode.Scalar], readAs encoding: LegacyEncoding, _ table: ScalarTable<LegacyEncoding.Encoded>
    ) -> [Unicode.Scalar]? {
        var bytes = text.map { scalar in
            scalar.value < 0x80 && scalar.value != 0x1A ? UInt8(scalar.value) : table[scalar].bytes[encoding.rawValue]
        }
        // In Mac Roman the rule would take an en dash and a space for mojibake.
        if encoding != .macRoman { ByteRepairs.restoreA0(&bytes) }
        if encoding.isSloppy { bytes = ByteRepairs.replaceLossy(bytes) }
        return UTF8Bytes.decode(bytes, variants: bytes.contains { $0 == 0xED || $0 == 0xC0 })
    }

    /// Runs that look like UTF-8 sequences and are bad by themselves, each repaired alone: for text put together from
    /// several sources.
    private static func repairPieces(_ text: [Unicode.Scalar], work: inout Int) -> [Unicode.Scalar] {
        let table = MojibakeTraits.table
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var next = 0
        while next < text.count {
            var end = next
            if next == 0 || !table[text[next - 1]].contains(.strictContinuation) {
                end = endOfRun(text, from: next, table)
            }
            guard end > next else {
                result.append(text[next])
                next += 1
                continue
            }
            let run = Array(text[next..<end])
            // Only a run shorter than the text: it ends some time.
            if run.count < text.count, MojibakeDetector.isBad(run) {
                result.append(contentsOf: repair(run, work: &work))
            } else {
                result.append(contentsOf: run)
            }
            next = end
        }
        return result
    }

    private static func endOfRun(
        _ text: [Unicode.Scalar], from start: Int, _ table: ScalarTable<MojibakeTraits>
    ) -> Int {
        var end = start
        while end < text.count {
            let lead = table[text[end]]
            let length = lead.contains(.leadOfTwo) ? 2 : lead.contains(.leadOfThree) ? 3 : 4
            guard lead.meets([.leadOfTwo, .leadOfThree, .leadOfFour]), end + length <= text.count,
                text[end + 1..<end + length].allSatisfy({ table[$0].contains(.continuation) })
            else { break }
            end += length
        }
        return end
    }
}
