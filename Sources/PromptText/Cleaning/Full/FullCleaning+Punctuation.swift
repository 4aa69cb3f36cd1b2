/// Punctuation and white space.
extension FullCleaning {
    /// Repeated quotes and dots, symbols, lone dots, and dashes that stand for spaces.
    static func thinPunctuation(_ text: Text) -> Text {
        func isQuote(_ scalar: Unicode.Scalar) -> Bool { scalar == "\"" || scalar == "'" }
        var text = Substitution.replace(in: text, by: ["\""]) { text, start in
            guard isQuote(text[start]) else { return nil }
            let end = Substitution.end(of: text, from: start, while: isQuote)
            return end - start >= 2 ? end : nil
        }
        text = Substitution.replace(in: text, startingWith: ".", by: [" "]) { text, start in
            let end = Substitution.end(of: text, from: start) { $0 == "." }
            return end - start >= 2 ? end : nil
        }
        text = Substitution.replace(in: text, by: [" "]) { text, start in
            guard isSymbol(text[start]) else { return nil }
            return Substitution.end(of: text, from: start, while: isSymbol)
        }
        text = replaceSpaced(".", in: text, by: [" "], afterWord: false)
        func isJoiner(_ scalar: Unicode.Scalar) -> Bool { scalar == "-" || scalar == "_" }
        // More than three of them: they stand between the words of one long name.
        return text.count(where: isJoiner) > 3 ? text.map { isJoiner($0) ? " " : $0 } : text
    }

    private static func isSymbol(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "#", "®", "•", "©", "™", "&", "@", "·", "º", "½", "¾", "¿", "¡", "§", "~": true
        case "(", ")", "[", "]", "{", "}", "|", "\\", "/", "*": true
        default: false
        }
    }

    /// Replaces a mark with white space on both sides, and the white space.
    private static func replaceSpaced(
        _ mark: Unicode.Scalar, in text: Text, by replacement: Text, afterWord: Bool
    ) -> Text {
        guard text.contains(mark) else { return text }
        var runEnd = -1
        return Substitution.replace(in: text, by: replacement) { text, start in
            guard start >= runEnd, PythonText.isSpace(text[start]) else { return nil }
            runEnd = Substitution.end(of: text, from: start, while: PythonText.isSpace)
            guard runEnd < text.count, text[runEnd] == mark else { return nil }
            if afterWord, start == 0 || !PythonText.isWord(text[start - 1]) { return nil }
            let end = Substitution.end(of: text, from: runEnd + 1, while: PythonText.isSpace)
            return end > runEnd + 1 ? end : nil
        }
    }

    /// A space after a colon, comma, dot or slash, and single spaces everywhere.
    static func spacePunctuation(_ text: Text) -> Text {
        var spaced: Text = []
        let text = replaceSpaced(":", in: text, by: [":", " "], afterWord: true)
        spaced.reserveCapacity(text.count)
        var next = 0
        while next < text.count {
            if next + 2 < text.count, [",", ".", "/"].contains(text[next + 1]), !PythonText.isDecimal(text[next]),
                PythonText.isWord(text[next + 2])
            {
                spaced.append(contentsOf: [text[next], text[next + 1], " "])
                next += 2
            } else {
                spaced.append(text[next])
                next += 1
            }
        }
        return Substitution.replace(in: spaced, by: [" "]) { text, start in
            guard PythonText.isSpace(text[start]) else { return nil }
            return Substitution.end(of: text, from: start, while: PythonText.isSpace)
        }
    }

    /// Quotes around the whole text, one mark before it, one after it; a lone word after a dot is dropped.
    static func trimPunctuation(_ text: Text) -> Text {
        var text = text[...]
        if text.count > 2, let first = text.first, let last = text.last, first == "\"" || first == "'",
            last == "\"" || last == "'"
        {
            text = text.dropFirst().dropLast()
        }
        if let first = text.first, ["'", "_", ",", "-", ":", ";"].contains(first) { text = text.dropFirst() }
        if let last = text.last, ["'", "_", ",", "-", ":", "+"].contains(last) { text = text.dropLast() }
        if text.count > 1, text.first == ".", !text.contains(where: PythonText.isSpace) { return [] }
        return PythonText.strip(Array(text))
    }
}
