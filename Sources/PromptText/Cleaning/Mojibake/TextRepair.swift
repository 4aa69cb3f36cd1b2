// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// ftfy's `fix_text` with its default settings: text as it was meant before programs broke it.
///
/// Source: `fix_text` and `fix_and_explain` of ftfy's `__init__.py`. Differences: none on text of up to 8,000 characters.
/// ftfy repeats its rules until nothing changes, which crafted text (`&amp;amp;amp;…`) makes quadratic; here repetition
/// ends once so many characters have been looked at, counted, not timed, so that the result is the same everywhere.
enum TextRepair {
    /// Longest piece repaired at once.
    private static let longestSegment = 1_000_000
    /// Characters looked at in repetitions before none is begun any more, for a text of so many.
    private static func allowance(for count: Int) -> Int { max(64_000_000, 64 * count) }

    /// The text repaired, line by line.
    static func fix(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var work = allowance(for: text.count)
        // Entities stay as they are from the first line on that looks like markup.
        var readsEntities = true
        var start = 0
        while start < text.count {
            let limit = min(start + longestSegment, text.count)
            let end = text[start..<limit].firstIndex(of: "\n").map { $0 + 1 } ?? limit
            let segment = text[start..<end]
            if readsEntities, segment.contains("<") { readsEntities = false }
            if segment.contains(where: mayChange) {
                result.append(contentsOf: fix(segment: Array(segment), readsEntities: readsEntities, work: &work))
            } else {
                result.append(contentsOf: segment)
            }
            start = end
        }
        return result
    }

    /// Whether some rule might apply to the character.
    private static func mayChange(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x7F || scalar == "&" || (scalar.value < 0x20 && scalar != "\n" && scalar != "\t")
    }

    private static func fix(segment: [Unicode.Scalar], readsEntities: Bool, work: inout Int) -> [Unicode.Scalar] {
        var text = segment
        repeat {
            work -= text.count
            var repaired = readsEntities ? EntityRepair.unescape(text) : text
            repaired = EncodingRepair.repair(repaired, work: &work)
            repaired = CharacterReplacements.replaceC1(repaired)
            repaired = CharacterReplacements.apply(repaired)
            repaired = CanonicalComposition.compose(repaired)
            if repaired == text { break }
            text = repaired
        } while work > 0
        return text
    }
}
