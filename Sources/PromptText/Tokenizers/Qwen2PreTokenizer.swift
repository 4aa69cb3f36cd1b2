/// Cuts a text into the words that byte pair encoding works on, as Qwen2's tokenizer does.
///
/// The pattern of `tokenizer.json`, written out by hand over Unicode scalars:
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
enum Qwen2PreTokenizer {
    /// The pattern this is.
    static let pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The words, in order; together they are the text.
    static func words(_ text: [Unicode.Scalar]) -> [Range<Int>] {
        let kinds = text.map(Kind.init)
        var words: [Range<Int>] = []
        var position = 0
        while position < text.count {
            let end = wordEnd(text, kinds, from: position)
            words.append(position..<end)
            position = end
        }
        return words
    }

    private enum Kind {
        case letter, number, newline, space, other

        init(_ scalar: Unicode.Scalar) {
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
            case .decimalNumber, .letterNumber, .otherNumber: self = .number
            default:
                if scalar == "\r" || scalar == "\n" {
                    self = .newline
                } else {
                    self = scalar.properties.isWhitespace ? .space : .other
                }
            }
        }

        var isSpace: Bool { self == .space || self == .newline }
    }

    private static func wordEnd(_ text: [Unicode.Scalar], _ kinds: [Kind], from start: Int) -> Int {
        func run(_ from: Int, while condition: (Kind) -> Bool) -> Int {
            var end = from
            while end < kinds.count, condition(kinds[end]) { end += 1 }
            return end
        }
        if text[start] == "'", let end = contractionEnd(text, from: start) { return end }
        switch kinds[start] {
        case .letter:
            return run(start) { $0 == .letter }
        case .number:
            return start + 1
        case .space, .other:
            if start + 1 < kinds.count, kinds[start + 1] == .letter { return run(start + 1) { $0 == .letter } }
        case .newline:
            break
        }
        let symbols = text[start] == " " ? start + 1 : start
        if symbols < kinds.count, kinds[symbols] == .other {
            return run(run(symbols) { $0 == .other }) { $0 == .newline }
        }
        // Only white space is left as a beginning.
        let end = run(start) { $0.isSpace }
        if let newline = (start..<end).last(where: { kinds[$0] == .newline }) { return newline + 1 }
        return end == kinds.count || end == start + 1 ? end : end - 1
    }

    private static func contractionEnd(_ text: [Unicode.Scalar], from start: Int) -> Int? {
        func lower(_ offset: Int) -> Unicode.Scalar? {
            guard start + offset < text.count else { return nil }
            let scalar = text[start + offset]
            // Case-insensitive matching folds the long s, too.
            if scalar == "\u{17F}" { return "s" }
            guard scalar.isASCII, (65...90).contains(scalar.value) else { return scalar }
            return Unicode.Scalar(scalar.value + 32)
        }
        switch (lower(1), lower(2)) {
        case ("s", _), ("t", _): return start + 2
        case ("r", "e"), ("v", "e"): return start + 3
        case ("m", _): return start + 2
        case ("l", "l"): return start + 3
        case ("d", _): return start + 2
        default: return nil
        }
    }
}
