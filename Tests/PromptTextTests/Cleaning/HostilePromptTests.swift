import PackshotTestSupport
import PromptText
import Testing

@Suite("Prompts that nobody means well")
struct HostilePromptTests {
    /// Patterns that make the reference's regular expressions or its repetition quadratic, and characters on which tables
    /// are searched. Quadratic in 300,000 characters would take minutes each.
    private static let patterns = [
        "a.", "a-b.", "a.com@", "com/", ".png", "a.pn", "1.1.1.", "1:11 ", " ", " .", " : ", "worldwide ", "free ",
        "1x",
        "1.", "a1", "-", "\"", "&", "&amp;", "amp;&", "&#", "#1", "@", "%", "%C3", "\u{1B}[", "\u{1B}[0;", "\r", "Σ'",
        "Σ", "\u{130}", "\u{301}", "\u{301}\u{316}", "\u{301}\u{327}", "\u{F73}", "\u{1100}\u{1161}\u{11A8}", "한", "Ã",
        "Ã ", "Ã©", "â€",
        "â€™", "ï¿½", "Ã\u{FFFD}", "\u{80}", "\u{81}", "ГўВЂВ", "😀", "椅",
    ]

    @Test(.timeLimit(.minutes(2)), arguments: [TextCleaning.full, .light])
    func costIsLinear(cleaning: TextCleaning) {
        for pattern in Self.patterns {
            let text = String(repeating: pattern, count: 300_000 / pattern.unicodeScalars.count)
            // İ and U+0F73 become two characters.
            #expect(cleaning.clean(text).unicodeScalars.count <= 2 * text.unicodeScalars.count, "\(pattern)")
        }
    }

    /// Each repetition of the repairs uncovers the next layer.
    @Test(.timeLimit(.minutes(1)), arguments: [TextCleaning.full, .light])
    func layersAreBounded(cleaning: TextCleaning) {
        let entities = "&" + String(repeating: "amp;", count: 250_000)
        let escapes = String(repeating: "\u{1B}[", count: 200_000) + String(repeating: "m", count: 200_000)
        #expect(cleaning.clean(entities).unicodeScalars.count < entities.unicodeScalars.count)
        #expect(cleaning.clean(escapes).unicodeScalars.count < escapes.unicodeScalars.count)
        // As deep as a prompt can be expected to be, all layers go.
        #expect(TextCleaning.light.clean("&" + String(repeating: "amp;", count: 1_900)) == "&")
    }

    /// Any text is cleaned: no crash, the same result twice, white space at neither end.
    @Test func anyScalarsAtAll() {
        var generator = SeededGenerator(seed: 20_261_123)
        let fragments = Self.patterns.map { Array($0.unicodeScalars) }
        for _ in 0..<20_000 {
            var view = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<12, using: &generator) {
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: view.append(contentsOf: fragments.randomElement(using: &generator) ?? [])
                case 1: view.append(Unicode.Scalar(UInt8.random(in: 0...255, using: &generator)))
                case 2: Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &generator)).map { view.append($0) }
                default: Unicode.Scalar(UInt32.random(in: 0...0x10_FFFF, using: &generator)).map { view.append($0) }
                }
            }
            let text = String(view)
            for cleaning in TextCleaning.allCases {
                let prompt = cleaning.cleanedPrompt(text)
                let scalars = prompt.effective.unicodeScalars
                #expect(Array(scalars) == Array(cleaning.clean(text).unicodeScalars), "\(text.debugDescription)")
                #expect(
                    scalars.first?.properties.isWhitespace != true && scalars.last?.properties.isWhitespace != true,
                    "\(text.debugDescription)")
            }
        }
    }
}
