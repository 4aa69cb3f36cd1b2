/// Replacing what a hand-written matcher finds: one left-to-right pass of matches that do not overlap.
enum Substitution {
    /// The text with every match replaced. The matcher gets a place and says where the match that starts there ends (after
    /// at least one character), or `nil`. It must not look back before its place further than it needs for a boundary.
    static func replace(
        in text: [Unicode.Scalar], by replacement: [Unicode.Scalar],
        _ match: (_ text: [Unicode.Scalar], _ start: Int) -> Int?
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var copied = 0
        var next = 0
        while next < text.count {
            guard let end = match(text, next) else {
                next += 1
                continue
            }
            if result.isEmpty { result.reserveCapacity(text.count) }
            result.append(contentsOf: text[copied..<next])
            result.append(contentsOf: replacement)
            copied = end
            next = end
        }
        guard copied > 0 else { return text }
        result.append(contentsOf: text[copied...])
        return result
    }

    /// The same, asking the matcher only at places that hold a certain character.
    static func replace(
        in text: [Unicode.Scalar], startingWith first: Unicode.Scalar, by replacement: [Unicode.Scalar],
        _ match: (_ text: [Unicode.Scalar], _ start: Int) -> Int?
    ) -> [Unicode.Scalar] {
        guard text.contains(first) else { return text }
        return replace(in: text, by: replacement) { text, start in text[start] == first ? match(text, start) : nil }
    }

    /// Whether the word begins or ends here: `\b` of Python.
    static func isBoundary(_ text: [Unicode.Scalar], _ place: Int) -> Bool {
        let before = place > 0 && PythonText.isWord(text[place - 1])
        let after = place < text.count && PythonText.isWord(text[place])
        return before != after
    }

    /// Where the run of characters that satisfy the condition, from here on, ends.
    static func end(
        of text: [Unicode.Scalar], from start: Int, limit: Int = .max, while condition: (Unicode.Scalar) -> Bool
    ) -> Int {
        var end = start
        while end < text.count, end - start < limit, condition(text[end]) { end += 1 }
        return end
    }

    /// Whether the text goes on with these ASCII letters here; where they end.
    static func literal(_ literal: StaticString, in text: [Unicode.Scalar], at start: Int) -> Int? {
        let count = literal.utf8CodeUnitCount
        guard start + count <= text.count else { return nil }
        for offset in 0..<count where text[start + offset].value != UInt32(literal.utf8Start[offset]) { return nil }
        return start + count
    }
}
