// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// Says whether text looks as if it had been decoded with the wrong encoding.
///
/// Source: `BADNESS_RE` of ftfy's `badness.py`, its alternatives as comparisons of neighbours, so that the cost is linear.
enum MojibakeDetector {
    /// Whether some unlikely sequence of characters occurs.
    static func isBad(_ text: [Unicode.Scalar]) -> Bool {
        let table = MojibakeTraits.table
        let view = Neighbours(text: text, table: table)
        for index in text.indices where text[index].value >= 0x80 {
            let traits = table[text[index]]
            if !traits.isEmpty, view.isBadByClass(index, traits) || view.isBadBySpelling(index) { return true }
        }
        return false
    }

    private struct Neighbours {
        let text: [Unicode.Scalar]
        let table: ScalarTable<MojibakeTraits>

        /// Sequences named by the classes of their members. `index` is the first member that is not ASCII.
        func isBadByClass(_ index: Int, _ traits: MojibakeTraits) -> Bool {
            if traits.contains(.c1) { return true }
            let next = traitsAt(index + 1)
            guard !next.isEmpty else { return false }
            let before = index > 0 ? text[index - 1] : nil
            let afterSmallLetter = before.map { ("a"..."z").contains($0) } ?? false

            let telling: MojibakeTraits = [
                .lowerAccented, .upperAccented, .box, .opening, .closing, .currency, .numeric, .law,
            ]
            if traits.meets(telling.union(.bad)), next.contains(.bad) { return true }
            if traits.contains(.bad), next.meets(telling) { return true }
            if traits.meets([.lowerCommon, .upperCommon]), next.contains(.bad),
                before.map(PythonText.isASCIILetter) ?? false
            {
                return true
            }
            if traits.meets([.lowerAccented, .lowerCommon, .box, .closing, .currency, .numeric]),
                next.contains(.upperAccented)
            {
                return true
            }
            if traits.meets([.box, .closing, .currency, .numeric]), next.contains(.lowerAccented) { return true }
            if traits.meets([.lowerAccented, .box, .closing]), next.contains(.currency) { return true }
            if traits.contains(.upperAccented) {
                if next.contains(.currency), before.map(PythonText.isSpace) ?? false { return true }
                if next.meets([.opening, .currency]), afterSmallLetter { return true }
            }
            if traits.meets([.upperAccented, .box]), next.meets([.numeric, .law]) { return true }
            if traits.meets([.currency, .numeric, .box]), next.contains(.opening) { return true }
            if traits.contains(.box), next.meets([.kaomoji, .closing]) { return true }
            if traits.meets([.accented, .currency, .numeric, .opening, .closing, .law]), next.contains(.box) {
                return true
            }
            guard index + 2 < text.count else { return false }
            let third = traitsAt(index + 2)
            if traits.meets([.accented, .box, .currency, .closing]), next.contains(.opening), third.contains(.numeric) {
                return true
            }
            if traits.meets([.accented, .currency, .numeric, .box, .law]), next.contains(.closing),
                third.contains(.opening)
            {
                return true
            }
            return traits.meets(.accented) && next.meets([.opening, .closing]) && PythonText.isWord(text[index + 2])
        }

        /// Sequences named by particular characters.
        func isBadBySpelling(_ index: Int) -> Bool {
            let next = index + 1 < text.count ? text[index + 1] : nil
            guard let next else { return false }
            let nextTraits = table[next]
            if next == "°", table[text[index]].contains(.upperAccented) { return true }
            switch text[index] {
            case "Œ", "œ": return !PythonText.isASCIILetter(next)
            case "Â", "Ã", "Î", "Ð": return isBadAfterCircumflexOrTilde(index, next, nextTraits)
            case "×": return next == "²" || next == "³"
            case "Ø", "Ù":
                return index + 3 < text.count && (text[index + 2] == "Ø" || text[index + 2] == "Ù")
                    && isArabicTail(next) && isArabicTail(text[index + 3])
            case "à": return ["²", "µ", "¹", "¼", "½", "¾"].contains(next)
            case "√": return "±∂†≠®™´≤≥¥µø".unicodeScalars.contains(next)
            case "≈": return next == "°" || next == "¢"
            case "‚":
                guard index + 2 < text.count else { return false }
                let third = text[index + 2]
                return next == "Ä"
                    ? "ìîïòôúùû†°¢π".unicodeScalars.contains(third)
                    : (next == "â" || next == "ó") && ["à", "ä", "°", "ê"].contains(third)
            case "в": return next == "Ђ"
            case "В", "Г", "Р", "С":
                return isSandwich(index, ["В", "Г", "Р", "С"], extra: ["°", "µ"]) || isDoubledCyrillic(index)
            case "β":
                return next == "€" && index + 2 < text.count
                    && ["™", "\u{A0}", "Ά", "\u{AD}", "®", "°"].contains(text[index + 2])
            case "Β", "Γ", "Ξ", "Ο": return isSandwich(index, ["Β", "Γ", "Ξ", "Ο"], extra: ["°"])
            case "ā": return next == "€"
            default: return false
            }
        }

        private func isBadAfterCircumflexOrTilde(
            _ index: Int, _ next: Unicode.Scalar, _ nextTraits: MojibakeTraits
        ) -> Bool {
            if nextTraits.meets([.opening, .closing]) || "€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´".unicodeScalars.contains(next) {
                return true
            }
            let first = text[index]
            guard first == "Â" || first == "Ã" else { return false }
            if first == "Ã", next == "\u{A0}" || next == "¡" { return true }
            guard next == " " else { return false }
            guard index > 0 else { return true }
            let before = text[index - 1]
            if ("a"..."z").contains(before) { return true }
            if PythonText.isSpace(before), index > 1, ("a"..."z").contains(text[index - 2]) { return true }
            return first == "Â" && ([".", ",", "?", "!"].contains(before) || table[before].contains(.closing))
        }

        /// What follows `Ø` or `Ù` in Arabic that was read as Windows-1252.
        private func isArabicTail(_ scalar: Unicode.Scalar) -> Bool {
            table[scalar].meets([.common, .currency, .bad, .numeric, .opening])
                || ["Ÿ", "Š", "®", "°", "µ", "»"].contains(scalar)
        }

        private func isSandwich(_ index: Int, _ bread: [Unicode.Scalar], extra: [Unicode.Scalar]) -> Bool {
            guard index + 2 < text.count, bread.contains(text[index + 2]) else { return false }
            return traitsAt(index + 1).meets([.c1, .bad, .opening, .closing, .currency])
                || extra.contains(text[index + 1])
        }

        /// `ГўВЂВ`, any character of the line, and a Latin letter or a space.
        private func isDoubledCyrillic(_ index: Int) -> Bool {
            guard index + 6 < text.count, text[index..<index + 5].elementsEqual("ГўВЂВ".unicodeScalars) else {
                return false
            }
            let last = text[index + 6]
            return text[index + 5] != "\n" && (last == " " || PythonText.isASCIILetter(last))
        }

        private func traitsAt(_ index: Int) -> MojibakeTraits { index < text.count ? table[text[index]] : [] }
    }
}

extension MojibakeTraits {
    /// Whether at least one trait is shared.
    func meets(_ other: MojibakeTraits) -> Bool { rawValue & other.rawValue != 0 }
}
