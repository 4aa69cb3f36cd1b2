/// Phrases of shops and download pages.
extension FullCleaning {
    private static func spaces(_ text: Text, from start: Int) -> Int? {
        let end = Substitution.end(of: text, from: start, while: PythonText.isSpace)
        return end > start ? end : nil
    }

    private static func oneSpace(_ text: Text, _ place: Int) -> Int? {
        place < text.count && PythonText.isSpace(text[place]) ? place + 1 : nil
    }

    private static func begins(_ text: Text, _ start: Int, _ letters: Unicode.Scalar...) -> Bool {
        letters.contains(text[start])
    }

    /// "worldwide free shipping", "free download", "click for …", names of image formats, "page 12".
    static func removeSalesTalk(_ text: Text) -> Text {
        var text = Substitution.replace(in: text, by: []) { text, start in
            begins(text, start, "w", "f", "s") ? endOfShipping(text, start) : nil
        }
        text = Substitution.replace(in: text, by: []) { text, start in
            begins(text, start, "f", "d") ? endOfDownload(text, start) : nil
        }
        text = Substitution.replace(in: text, startingWith: "c", by: [], endOfClick)
        text = Substitution.replace(in: text, by: []) { text, start in
            guard Substitution.isBoundary(text, start), let end = endOfExtension(text, start) else { return nil }
            guard let image = oneSpace(text, end).flatMap({ Substitution.literal("image", in: text, at: $0) }) else {
                return end
            }
            return image < text.count && text[image] == "s" ? image + 1 : image
        }
        return Substitution.replace(in: text, startingWith: "p", by: []) { text, start in
            guard Substitution.isBoundary(text, start), let page = Substitution.literal("page", in: text, at: start),
                let number = spaces(text, from: page)
            else { return nil }
            let end = Substitution.end(of: text, from: number, while: PythonText.isDecimal)
            return end > number && Substitution.isBoundary(text, end) ? end : nil
        }
    }

    /// Perhaps "worldwide", perhaps "free", then "shipping".
    private static func endOfShipping(_ text: Text, _ start: Int) -> Int? {
        var place = start
        if let end = Substitution.literal("worldwide", in: text, at: place).flatMap({ spaces(text, from: $0) }) {
            place = end
        }
        if let end = Substitution.literal("free", in: text, at: place).flatMap({ spaces(text, from: $0) }) {
            place = end
        }
        return Substitution.literal("shipping", in: text, at: place)
    }

    /// "download" with "free" before it, after it, or both.
    private static func endOfDownload(_ text: Text, _ start: Int) -> Int? {
        let place = Substitution.literal("free", in: text, at: start).flatMap { oneSpace(text, $0) } ?? start
        guard let end = Substitution.literal("download", in: text, at: place) else { return nil }
        return oneSpace(text, end).flatMap { Substitution.literal("free", in: text, at: $0) } ?? end
    }

    /// "click for" or "click on" and the next word.
    private static func endOfClick(_ text: Text, _ start: Int) -> Int? {
        guard Substitution.isBoundary(text, start),
            let place = Substitution.literal("click", in: text, at: start).flatMap({ oneSpace(text, $0) }),
            let preposition = Substitution.literal("for", in: text, at: place)
                ?? Substitution.literal("on", in: text, at: place),
            let word = oneSpace(text, preposition)
        else { return nil }
        let end = Substitution.end(of: text, from: word, while: PythonText.isWord)
        return end > word ? end : nil
    }
}
