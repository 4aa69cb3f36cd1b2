/// Numbers and names of files that captions from the web carry.
extension FullCleaning {
    private static func digits(_ text: Text, from start: Int, limit: Int = .max) -> Int {
        Substitution.end(of: text, from: start, limit: limit, while: PythonText.isDecimal)
    }

    private static func isWord(_ text: Text, _ place: Int) -> Bool {
        place >= 0 && place < text.count && PythonText.isWord(text[place])
    }

    /// Network addresses, article numbers at the end, a written `\n`, `#12`, `#12345` and numbers of six digits and more.
    static func removeNumbers(_ text: Text) -> Text {
        var text = Substitution.replace(in: text, by: [" "], endOfNetworkAddress)
        text = removeArticleNumber(text)
        text = Substitution.replace(in: text, startingWith: "\\", by: [" "]) { text, start in
            start + 1 < text.count && text[start + 1] == "n" ? start + 2 : nil
        }
        for count in [1...3, 5...Int.max] {
            text = Substitution.replace(in: text, startingWith: "#", by: []) { text, start in
                let end = digits(text, from: start + 1)
                return count.contains(end - start - 1) && !isWord(text, end) ? end : nil
            }
        }
        return Substitution.replace(in: text, by: []) { text, start in
            guard PythonText.isDecimal(text[start]), !isWord(text, start - 1) else { return nil }
            let end = digits(text, from: start)
            return end - start >= 6 && !isWord(text, end) ? end : nil
        }
    }

    /// Four groups of up to three digits; no boundaries.
    private static func endOfNetworkAddress(_ text: Text, _ start: Int) -> Int? {
        guard PythonText.isDecimal(text[start]) else { return nil }
        var end = start
        for group in 0..<4 {
            if group > 0 {
                guard end < text.count, text[end] == "." else { return nil }
                end += 1
            }
            let next = digits(text, from: end, limit: 3)
            guard next > end else { return nil }
            end = next
        }
        return end
    }

    /// A digit, a colon, two digits and white space, at the end of the text.
    private static func removeArticleNumber(_ text: Text) -> Text {
        let end = (text.lastIndex { !PythonText.isSpace($0) } ?? -1) + 1
        guard end < text.count, end >= 4, PythonText.isDecimal(text[end - 1]), PythonText.isDecimal(text[end - 2]),
            text[end - 3] == ":", PythonText.isDecimal(text[end - 4])
        else { return text }
        return Array(text[..<(end - 4)])
    }

    /// What has an extension, from the white space before it on.
    static func removeFileNames(_ text: Text) -> Text {
        var runEnd = -1
        return Substitution.replace(in: text, by: []) { text, start in
            guard start >= runEnd, !PythonText.isSpace(text[start]) else { return nil }
            runEnd = Substitution.end(of: text, from: start) { !PythonText.isSpace($0) }
            // The greedy source goes to the last extension of the run.
            for dot in (start + 1..<max(runEnd, start + 1)).reversed() where text[dot] == "." {
                if let end = endOfExtension(text, dot + 1) { return end }
            }
            return nil
        }
    }

    /// Where a file name's extension that begins here ends.
    static func endOfExtension(_ text: Text, _ start: Int) -> Int? {
        let extensions: [StaticString] = ["png", "jpg", "jpeg", "bmp", "webp", "eps", "pdf", "apk", "mp4"]
        for name in extensions {
            if let end = Substitution.literal(name, in: text, at: start) { return end }
        }
        return nil
    }

    /// Words like `jc6640`, `jc6640vc` and `6640vc231`.
    static func removeCodes(_ text: Text) -> Text {
        let patterns: [(WordShape) -> Bool] = [
            { $0.kinds == [.letters, .digits] && (1...3).contains($0.lengths[0]) && (3...15).contains($0.lengths[1]) },
            { $0.kinds == [.letters, .digits, .letters] },
            { $0.kinds == [.digits, .letters, .digits] },
        ]
        // All three take whole words, so that one pass does the work of three.
        return replaceWords(in: text, by: []) { word in patterns.contains { $0(word) } }
    }

    /// Words in which letters and digits change places four times and more become spaces, dimensions go.
    static func removeMixedCodes(_ text: Text) -> Text {
        let text = replaceWords(in: text, by: [" "]) { word in
            let rest = word.kinds.first == .digits ? word.kinds.dropFirst() : word.kinds[...]
            return rest.count >= 4 && rest.first == .letters
        }
        return Substitution.replace(in: text, by: []) { text, start in
            guard PythonText.isDecimal(text[start]), !isWord(text, start - 1) else { return nil }
            var end = digits(text, from: start)
            if end < text.count, text[end] == "." { end = digits(text, from: end + 1) }
            guard end < text.count, ["x", "х", "×"].contains(text[end]) else { return nil }
            return endOfMeasure(text, end + 1)
        }
    }

    /// The furthest end of digits, perhaps a dot and digits, at a boundary.
    private static func endOfMeasure(_ text: Text, _ start: Int) -> Int? {
        let whole = digits(text, from: start)
        guard whole > start else { return nil }
        guard whole < text.count, text[whole] == "." else { return isWord(text, whole) ? nil : whole }
        let fraction = digits(text, from: whole + 1)
        if fraction > whole + 1, !isWord(text, fraction) { return fraction }
        // After the dot there is a boundary when a word goes on there; before it always.
        return isWord(text, whole + 1) ? whole + 1 : whole
    }

    // MARK: Words

    private enum RunKind { case letters, digits }

    /// The runs of ASCII letters and of digits a word is made of.
    private struct WordShape {
        var kinds: [RunKind] = []
        var lengths: [Int] = []
    }

    /// Replaces the words (whole runs of `\w`) made of ASCII letters and digits alone whose shape satisfies the condition.
    private static func replaceWords(in text: Text, by replacement: Text, where isMatch: (WordShape) -> Bool) -> Text {
        var wordEnd = -1
        return Substitution.replace(in: text, by: replacement) { text, start in
            guard start >= wordEnd, PythonText.isWord(text[start]) else { return nil }
            wordEnd = Substitution.end(of: text, from: start, while: PythonText.isWord)
            guard let shape = shape(of: text[start..<wordEnd]), isMatch(shape) else { return nil }
            return wordEnd
        }
    }

    private static func shape(of word: ArraySlice<Unicode.Scalar>) -> WordShape? {
        var shape = WordShape()
        for scalar in word {
            let kind: RunKind
            if PythonText.isASCIILetter(scalar) {
                kind = .letters
            } else if PythonText.isDecimal(scalar) {
                kind = .digits
            } else {
                return nil
            }
            if kind == shape.kinds.last {
                shape.lengths[shape.lengths.count - 1] += 1
            } else {
                shape.kinds.append(kind)
                shape.lengths.append(1)
            }
        }
        return shape
    }
}
