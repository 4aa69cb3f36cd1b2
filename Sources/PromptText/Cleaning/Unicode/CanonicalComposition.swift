/// Normalization Form C of Unicode 14.0.
///
/// Source: Unicode Standard Annex #15. Written here because what Foundation on Linux composes differs from it (Hangul
/// final consonants, old jamo), and because the result must not change with the toolchain: it decides which tokens a
/// prompt has.
enum CanonicalComposition {
    /// The text in Normalization Form C. Linear but for sorting runs of combining marks.
    static func compose(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        // Nothing below U+0300 combines or decomposes under composition.
        guard text.contains(where: { $0.value >= 0x300 }) else { return text }
        var decomposed = decompose(text)
        composeInPlace(&decomposed)
        return decomposed.map(\.scalar)
    }

    private struct Marked {
        let scalar: Unicode.Scalar
        let combiningClass: UInt8
    }

    private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        guard scalar.value >= 0x300, !isIdeographOrHangul(scalar) else { return 0 }
        let properties = scalar.properties
        let combining = properties.canonicalCombiningClass.rawValue
        return combining != 0 && PythonText.isAssigned(properties) ? combining : 0
    }

    private static func isIdeographOrHangul(_ scalar: Unicode.Scalar) -> Bool {
        (0x3400...0x9FFF).contains(scalar.value) || (0xAC00...0xD7A3).contains(scalar.value)
    }

    /// Full canonical decomposition in canonical order.
    private static func decompose(_ text: [Unicode.Scalar]) -> [Marked] {
        let table = CanonicalDecompositions.full
        var result: [Marked] = []
        result.reserveCapacity(text.count + text.count / 4)
        var runStart: Int?
        func append(_ scalar: Unicode.Scalar) {
            let marked = Marked(scalar: scalar, combiningClass: combiningClass(scalar))
            if marked.combiningClass == 0 {
                sortRun()
            } else if runStart == nil {
                runStart = result.count
            }
            result.append(marked)
        }
        func sortRun() {
            guard let start = runStart else { return }
            runStart = nil
            guard result.count - start > 1 else { return }
            let sorted = result[start...].enumerated().sorted {
                ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset)
            }
            result.replaceSubrange(start..., with: sorted.map(\.element))
        }
        for scalar in text {
            if scalar.value < 0xC0 {
                append(scalar)
            } else if let syllable = HangulSyllable(scalar) {
                syllable.jamo.forEach(append)
            } else {
                let parts = table[scalar]
                if parts.isEmpty { append(scalar) } else { parts.forEach(append) }
            }
        }
        sortRun()
        return result
    }

    /// Canonical composition, each starter with the marks that nothing blocks from it.
    private static func composeInPlace(_ text: inout [Marked]) {
        let composites = CanonicalDecompositions.composites
        var written = 0
        var starter: Int?
        var lastClass: UInt8 = 0
        for marked in text {
            if let starter, written == starter + 1 || (lastClass != 0 && lastClass < marked.combiningClass),
                let composite = composite(of: text[starter].scalar, marked.scalar, composites)
            {
                text[starter] = Marked(scalar: composite, combiningClass: 0)
                continue
            }
            if marked.combiningClass == 0 { starter = written }
            lastClass = marked.combiningClass
            text[written] = marked
            written += 1
        }
        text.removeSubrange(written...)
    }

    private static func composite(
        of first: Unicode.Scalar, _ second: Unicode.Scalar, _ composites: [UInt64: Unicode.Scalar]
    ) -> Unicode.Scalar? {
        // Most pairs are letter and letter: only marks, jamo and a few Indic vowel signs compose with what is before them.
        guard second.value >= 0x300 else { return nil }
        return HangulSyllable.composite(of: first, second)
            ?? composites[CanonicalDecompositions.key(first, second)]
    }
}

/// A precomposed Hangul syllable and its letters, computed as the Unicode Standard (section 3.12) does.
struct HangulSyllable {
    private static let base: UInt32 = 0xAC00
    private static let leads: UInt32 = 0x1100
    private static let vowels: UInt32 = 0x1161
    private static let tails: UInt32 = 0x11A7
    private static let perVowel: UInt32 = 28
    private static let perLead: UInt32 = 21 * 28

    private let index: UInt32

    /// `nil` for anything but U+AC00...U+D7A3.
    init?(_ scalar: Unicode.Scalar) {
        guard (Self.base..<Self.base + 19 * Self.perLead).contains(scalar.value) else { return nil }
        index = scalar.value - Self.base
    }

    /// Leading consonant, vowel and, where there is one, final consonant.
    var jamo: [Unicode.Scalar] {
        let tail = index % Self.perVowel
        let values = [Self.leads + index / Self.perLead, Self.vowels + index % Self.perLead / Self.perVowel]
        return (tail == 0 ? values : values + [Self.tails + tail]).compactMap(Unicode.Scalar.init)
    }

    /// The syllable of consonant and vowel, or of a syllable without final consonant and a final consonant.
    static func composite(of first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        if (leads..<leads + 19).contains(first.value), (vowels..<vowels + 21).contains(second.value) {
            let lead = first.value - leads
            return Unicode.Scalar(base + (lead * 21 + second.value - vowels) * perVowel)
        }
        if let syllable = HangulSyllable(first), syllable.index % perVowel == 0,
            (tails + 1..<tails + perVowel).contains(second.value)
        {
            return Unicode.Scalar(first.value + second.value - tails)
        }
        return nil
    }
}
