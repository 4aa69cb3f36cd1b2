// The tables and rules below are ported from ftfy 6.3.1 ("fixes text for you"), https://github.com/rspeer/python-ftfy,
// Copyright 2023 Robyn Speer, licensed under the Apache License, Version 2.0
// (http://www.apache.org/licenses/LICENSE-2.0). Rewritten in Swift; changed where a comment says so.

/// Single characters that typing and copying leave in text, and what is meant by them.
///
/// Source: `LIGATURES`, `WIDTH_MAP`, the quote, line break, control character and terminal escape rules of ftfy's
/// `chardata.py` and `fixes.py`.
enum CharacterReplacements {
    /// Latin ligatures and digraphs taken apart, full-width and half-width forms made ordinary, quotes straightened,
    /// all line breaks LF, control characters removed: ftfy's order, one pass each where order matters.
    static func apply(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        removeControls(removeTerminalEscapes(unifyLineBreaks(replaceLetters(text))))
    }

    /// Control characters U+0080...U+009F read as Windows-1252.
    static func replaceC1(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { ("\u{80}"..."\u{9F}").contains($0) }) else { return text }
        let meant = LegacyEncoding.windows1252UpperControls
        return text.map { ("\u{80}"..."\u{9F}").contains($0) ? meant[Int($0.value) - 0x80] : $0 }
    }

    /// Ligatures, then width, then quotes. No later rule applies to what an earlier one yields but for the apostrophe
    /// of `ŉ`, which the table has straightened already.
    private static func replaceLetters(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { $0.value >= 0x132 }) else { return text }
        let table = letters
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            let replacement = scalar.value < 0x132 ? [] : table[scalar]
            if replacement.isEmpty { result.append(scalar) } else { result.append(contentsOf: replacement) }
        }
        return result
    }

    private static func unifyLineBreaks(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        func isOther(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "\r" || scalar == "\u{2028}" || scalar == "\u{2029}" || scalar == "\u{85}"
        }
        guard text.contains(where: isOther) else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar == "\n", index > 0, text[index - 1] == "\r" { continue }
            result.append(isOther(scalar) ? "\n" : scalar)
        }
        return result
    }

    /// ESC `[`, digits and semicolons, one letter.
    private static func removeTerminalEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        Substitution.replace(in: text, startingWith: "\u{1B}", by: []) { text, start in
            guard start + 1 < text.count, text[start + 1] == "[" else { return nil }
            var end = start + 2
            while end < text.count, text[end] == ";" || PythonText.isDecimal(text[end]) { end += 1 }
            return end < text.count && PythonText.isASCIILetter(text[end]) ? end + 1 : nil
        }
    }

    private static func removeControls(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar {
            case "\0"..."\u{8}", "\u{B}", "\u{E}"..."\u{1F}", "\u{7F}": true
            case "\u{206A}"..."\u{206F}", "\u{FEFF}", "\u{FFF9}"..."\u{FFFC}": true
            default: false
            }
        }
        guard text.contains(where: isRemoved) else { return text }
        return text.filter { !isRemoved($0) }
    }

    /// What each replaced character becomes.
    private static let letters: ScalarTable<[Unicode.Scalar]> = {
        var table = ScalarTable<[Unicode.Scalar]>(absent: [])
        for pair in ligatures.split(separator: " ") {
            let scalars = Array(pair.unicodeScalars)
            table[scalars[0]] = Array(scalars[2...])
        }
        for value in UInt32(0xFF01)...0xFF5E {
            if let wide = Unicode.Scalar(value), let narrow = Unicode.Scalar(value - 0xFEE0) { table[wide] = [narrow] }
        }
        for entry in widths.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let numbers = entry.split { $0 == "=" || $0 == "," }.compactMap {
                UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
            }
            table[numbers[0]] = Array(numbers[1...])
        }
        table["\u{3000}"] = [" "]
        for quote: Unicode.Scalar in ["\u{2BC}", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}"] {
            table[quote] = ["'"]
        }
        for quote: Unicode.Scalar in ["\u{201C}", "\u{201D}", "\u{201E}", "\u{201F}"] { table[quote] = ["\""] }
        return table
    }()

    private static let ligatures =
        "Ĳ=IJ ĳ=ij ŉ='n Ǳ=DZ ǲ=Dz ǳ=dz Ǆ=D\u{17D} ǅ=D\u{17E} ǆ=d\u{17E} Ǉ=LJ ǈ=Lj ǉ=lj Ǌ=NJ ǋ=Nj ǌ=nj "
        + "ﬀ=ff ﬁ=fi ﬂ=fl ﬃ=ffi ﬄ=ffl ﬅ=\u{17F}t ﬆ=st"

    /// The compatibility forms of U+FF5F...U+FFEE, in hexadecimal.
    private static let widths = """
        FF5F=2985 FF60=2986 FF61=3002 FF62=300C FF63=300D FF64=3001 FF65=30FB FF66=30F2 FF67=30A1 FF68=30A3 FF69=30A5
        FF6A=30A7 FF6B=30A9 FF6C=30E3 FF6D=30E5 FF6E=30E7 FF6F=30C3 FF70=30FC FF71=30A2 FF72=30A4 FF73=30A6 FF74=30A8
        FF75=30AA FF76=30AB FF77=30AD FF78=30AF FF79=30B1 FF7A=30B3 FF7B=30B5 FF7C=30B7 FF7D=30B9 FF7E=30BB FF7F=30BD
        FF80=30BF FF81=30C1 FF82=30C4 FF83=30C6 FF84=30C8 FF85=30CA FF86=30CB FF87=30CC FF88=30CD FF89=30CE FF8A=30CF
        FF8B=30D2 FF8C=30D5 FF8D=30D8 FF8E=30DB FF8F=30DE FF90=30DF FF91=30E0 FF92=30E1 FF93=30E2 FF94=30E4 FF95=30E6
        FF96=30E8 FF97=30E9 FF98=30EA FF99=30EB FF9A=30EC FF9B=30ED FF9C=30EF FF9D=30F3 FF9E=3099 FF9F=309A FFA0=1160
        FFA1=1100 FFA2=1101 FFA3=11AA FFA4=1102 FFA5=11AC FFA6=11AD FFA7=1103 FFA8=1104 FFA9=1105 FFAA=11B0 FFAB=11B1
        FFAC=11B2 FFAD=11B3 FFAE=11B4 FFAF=11B5 FFB0=111A FFB1=1106 FFB2=1107 FFB3=1108 FFB4=1121 FFB5=1109 FFB6=110A
        FFB7=110B FFB8=110C FFB9=110D FFBA=110E FFBB=110F FFBC=1110 FFBD=1111 FFBE=1112 FFC2=1161 FFC3=1162 FFC4=1163
        FFC5=1164 FFC6=1165 FFC7=1166 FFCA=1167 FFCB=1168 FFCC=1169 FFCD=116A FFCE=116B FFCF=116C FFD2=116D FFD3=116E
        FFD4=116F FFD5=1170 FFD6=1171 FFD7=1172 FFDA=1173 FFDB=1174 FFDC=1175 FFE0=A2 FFE1=A3 FFE2=AC FFE3=20,304
        FFE4=A6 FFE5=A5 FFE6=20A9 FFE8=2502 FFE9=2190 FFEA=2191 FFEB=2192 FFEC=2193 FFED=25A0 FFEE=25CB
        """
}
