/// `clean_text` of diffusers' `TextPreprocessor`, with which PRX's captions were prepared for training.
///
/// Source: `TextPreprocessor.clean_text`, diffusers `pipelines/prx/pipeline_prx.py` (Apache-2.0, after DeepFloyd IF).
/// Its regular expressions are matchers by hand here, each linear in the text. Quirks of the source are kept: curly
/// quotes are not joined, `&amp` leaves its semicolon, an extension without a dot goes too.
enum FullCleaning {
    typealias Text = [Unicode.Scalar]

    /// The whole cleaning, in the source's order.
    static func clean(_ text: Text) -> Text {
        var text = PythonText.lower(PythonText.strip(PercentDecoding.decode(text)))
        text = removeAddresses(text)
        text = unifyCharacters(text)
        text = removeNumbers(text)
        text = removeFileNames(text)
        text = thinPunctuation(text)
        text = BasicCleaning.clean(text)
        text = removeCodes(text)
        text = removeSalesTalk(text)
        text = removeMixedCodes(text)
        text = spacePunctuation(text)
        return trimPunctuation(text)
    }

    /// Steps before anything is counted as punctuation: `<person>`, URLs, `@names`.
    private static func removeAddresses(_ text: Text) -> Text {
        var text = Substitution.replace(in: text, startingWith: "<", by: Array("person".unicodeScalars)) {
            text, start in
            Substitution.literal("<person>", in: text, at: start)
        }
        text = WebAddresses.remove(from: text)
        return Substitution.replace(in: text, startingWith: "@", by: []) { text, start in
            let end = Substitution.end(of: text, from: start + 1, while: PythonText.isWord)
            return end > start + 1 ? end : nil
        }
    }

    /// Han characters and their relatives deleted, dashes and quotes made one kind, `&quot` and `&amp` deleted.
    private static func unifyCharacters(_ text: Text) -> Text {
        var text = text.filter { !isDeletedIdeograph($0) }
        text = Substitution.replace(in: text, by: ["-"]) { text, start in
            guard isDash(text[start]) else { return nil }
            return Substitution.end(of: text, from: start, while: isDash)
        }
        text = text.map { ["`", "´", "«", "»", "¨"].contains($0) ? "\"" : $0 }
        text = Substitution.replace(in: text, startingWith: "&", by: []) { text, start in
            guard let end = Substitution.literal("&quot", in: text, at: start) else { return nil }
            return end < text.count && text[end] == ";" ? end + 1 : end
        }
        return Substitution.replace(in: text, startingWith: "&", by: []) { text, start in
            Substitution.literal("&amp", in: text, at: start)
        }
    }

    /// CJK strokes, Katakana extensions, enclosed and squared CJK, both large blocks of Han characters, hexagrams.
    private static func isDeletedIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x31C0...0x31EF, 0x31F0...0x33FF, 0x3400...0x4DFF, 0x4E00...0x9FFF: true
        default: false
        }
    }

    private static func isDash(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2D, 0x58A, 0x5BE, 0x1400, 0x1806, 0x2010...0x2015, 0x2E17, 0x2E1A, 0x2E3A, 0x2E3B, 0x2E40, 0x301C,
            0x3030, 0x30A0, 0xFE31, 0xFE32, 0xFE58, 0xFE63, 0xFF0D:
            true
        default: false
        }
    }
}
