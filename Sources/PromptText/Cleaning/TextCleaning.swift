/// How a prompt is cleaned before it is tokenized.
public enum TextCleaning: String, CaseIterable, Codable, Hashable, Sendable {
    /// `clean_text` of diffusers' `TextPreprocessor`: the cleaning PRX was trained with. Lower-cases, deletes addresses,
    /// Han characters, most symbols and anything that looks like a product number or a size.
    case full
    /// `basic_clean` of diffusers: mends broken encodings (ftfy), reads HTML entities twice, strips. What PRXPixel does, and
    /// upstream's `skip_text_cleaning`. Keeps letters of every script, letter case, sizes and product numbers.
    case light
}

extension TextCleaning {
    /// The prompt as the text encoder gets it. Same text, same result, on every machine; never fails.
    public func clean(_ prompt: String) -> String {
        let scalars = Array(prompt.unicodeScalars)
        let cleaned: [Unicode.Scalar] =
            switch self {
            case .full: FullCleaning.clean(scalars)
            case .light: BasicCleaning.clean(scalars)
            }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: cleaned)
        return String(view)
    }
}
