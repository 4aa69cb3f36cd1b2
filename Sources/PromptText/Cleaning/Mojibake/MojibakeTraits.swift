// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// What a character may be in text that was decoded with the wrong encoding.
///
/// Source: `MOJIBAKE_CATEGORIES` of ftfy's `badness.py` and `UTF8_CLUES` of its `chardata.py`.
struct MojibakeTraits: OptionSet {
    let rawValue: UInt32

    /// Turns up in many contexts, not a sign of trouble alone.
    static let common = MojibakeTraits(rawValue: 1 << 0)
    /// Control characters U+0080...U+009F.
    static let c1 = MojibakeTraits(rawValue: 1 << 1)
    /// Hardly ever used but by accident.
    static let bad = MojibakeTraits(rawValue: 1 << 2)
    /// Paragraph and section signs.
    static let law = MojibakeTraits(rawValue: 1 << 3)
    static let currency = MojibakeTraits(rawValue: 1 << 4)
    /// Punctuation that stands at the start of something.
    static let opening = MojibakeTraits(rawValue: 1 << 5)
    /// Punctuation that stands at the end of something.
    static let closing = MojibakeTraits(rawValue: 1 << 6)
    static let numeric = MojibakeTraits(rawValue: 1 << 7)
    /// Letters that emoticons are drawn with.
    static let kaomoji = MojibakeTraits(rawValue: 1 << 8)
    static let upperAccented = MojibakeTraits(rawValue: 1 << 9)
    static let lowerAccented = MojibakeTraits(rawValue: 1 << 10)
    /// Capitals that are common in their own script.
    static let upperCommon = MojibakeTraits(rawValue: 1 << 11)
    /// Small letters that are common in their own script.
    static let lowerCommon = MojibakeTraits(rawValue: 1 << 12)
    static let box = MojibakeTraits(rawValue: 1 << 13)
    /// What the first byte of a UTF-8 sequence of two (three, four) bytes looks like in some one-byte encoding.
    static let leadOfTwo = MojibakeTraits(rawValue: 1 << 14)
    static let leadOfThree = MojibakeTraits(rawValue: 1 << 15)
    static let leadOfFour = MojibakeTraits(rawValue: 1 << 16)
    /// What the other bytes of a UTF-8 sequence look like; a space may stand for U+00A0.
    static let continuation = MojibakeTraits(rawValue: 1 << 17)
    /// The continuations that hardly stand for themselves next to mojibake.
    static let strictContinuation = MojibakeTraits(rawValue: 1 << 18)

    static let accented: MojibakeTraits = [.upperAccented, .lowerAccented]

    /// The traits of every character; none for most.
    static let table: ScalarTable<MojibakeTraits> = {
        var table = ScalarTable<MojibakeTraits>(absent: [])
        for (trait, members) in members {
            let scalars = Array(members.unicodeScalars)
            var next = 0
            while next < scalars.count {
                // "a-z" is a range; no set holds the hyphen itself.
                let isRange = next + 2 < scalars.count && scalars[next + 1] == "-"
                let last = isRange ? scalars[next + 2] : scalars[next]
                for value in scalars[next].value...last.value {
                    if let scalar = Unicode.Scalar(value) { table[scalar].insert(trait) }
                }
                next += isRange ? 3 : 1
            }
        }
        return table
    }()

    private static let members: [(MojibakeTraits, String)] = [
        (.common, "\u{A0}\u{AD}´·–—―’…"),
        (.c1, "\u{80}-\u{9F}"),
        (.bad, "¤¦¨ª¬¯¸ºƒˆˇ˘˛˜†‡‰⌐◊\u{FFFD}"),
        (.law, "§¶"),
        (.currency, "¢£¥₧€"),
        (.opening, "¡©«¿΄΅‘‚“„•‹\u{F8FF}"),
        (.closing, "®»˝”›™"),
        (.numeric, "±²³µ¹¼½¾×÷⁄№∂∆∏∑√∞∩∫≈≠≡≤≥"),
        (.kaomoji, "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ"),
        (.upperAccented, "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
        (.lowerAccented, "ß-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ"),
        (.upperCommon, "ÞΆΈΉΊΌΎΏΑ-ΫЁ-Я"),
        (.lowerCommon, "ά-ωа-џ"),
        (.box, "│┌┐┘├┤┬┼═-╬▀▄█▌▐-▓"),
        (.leadOfTwo, "Â-ßĀĂĆČĎĐĒĖĘĚĞĢĪİĶĹĻŁŃŅŇŌŐŘŚŞŠŢŪŮŰŲŹŻŽΒ-ΡΣ-ίВ-Я"),
        (.leadOfThree, "à-ïāăąćčďēėęěģīįķĺļŕźΰ-οа-п"),
        (.leadOfFour, "ðóđğšπσру"),
        (.continuation, "\u{20}\u{80}-¿ÆØæøĄąĽľŁłŒœŖŗŚśŞ-šŤťŸ-žƒˆˇ˘˛˜˝΄΅ΆΈΉΊΌΎΏЁ-ЌЎЏё-ќўџҐґ–—―‘’‚“”„†‡•…‰‹›€№™"),
        (.strictContinuation, "\u{80}-¿ÆØæøĄąĽľŁłŒœŖŗŚśŞ-šŤťŸ-žƒˆˇ˘˛˜˝΄΅ΆΈΉΊΌΎΏЁ-ЌЎЏё-ќўџҐґ†‡‰‹›€№™"),
    ]
}
