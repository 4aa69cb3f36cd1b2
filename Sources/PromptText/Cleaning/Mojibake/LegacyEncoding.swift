/// The one-byte encodings whose text is most often UTF-8 read wrongly, in the order they are tried.
///
/// "Sloppy" ones, as ftfy calls them, read unassigned bytes as Latin-1 does (so do browsers), and byte 1A stands for
/// U+FFFD: whoever lost a byte left that character.
/// Source: the mapping tables of the Unicode Consortium (VENDORS/MICSFT, ISO8859, VENDORS/APPLE/ROMAN.TXT).
enum LegacyEncoding: Int, CaseIterable {
    case latin1, windows1252, windows1251, windows1250, windows1253, windows1254, windows1257, iso8859_2, macRoman
    case codePage437

    /// Whether unassigned bytes and byte 1A are read as above.
    var isSloppy: Bool { (1...6).contains(rawValue) }

    /// For a character: which encodings have it (bit `rawValue`), and its byte in each.
    struct Encoded {
        var encodings: UInt16
        var bytes: SIMD16<UInt8>
    }

    /// Every character at least one encoding has.
    static let table: ScalarTable<Encoded> = {
        var table = ScalarTable(absent: Encoded(encodings: 0, bytes: .zero))
        for encoding in allCases {
            for (byte, scalar) in encoding.scalars.enumerated() {
                table[scalar].encodings |= 1 << encoding.rawValue
                table[scalar].bytes[encoding.rawValue] = UInt8(byte)
            }
        }
        return table
    }()

    /// What bytes 0x80...0x9F are in Windows-1252; the five it does not assign stay control characters.
    static let windows1252UpperControls = Array(LegacyEncoding.windows1252.scalars[0x80..<0xA0])

    /// The scalar of each of the 256 bytes.
    var scalars: [Unicode.Scalar] {
        var scalars = (0..<256).map { Unicode.Scalar(UInt8($0)) }
        if isSloppy { scalars[0x1A] = "\u{FFFD}" }
        for (offset, scalar) in (upperHalf ?? "").unicodeScalars.enumerated() where scalar != "?" {
            scalars[0x80 + offset] = scalar
        }
        return scalars
    }

    private var upperHalf: String? {
        switch self {
        case .latin1: nil
        case .windows1252: Self.upper1252
        case .windows1251: Self.upper1251
        case .windows1250: Self.upper1250
        case .windows1253: Self.upper1253
        case .windows1254: Self.upper1254
        case .windows1257: Self.upper1257
        case .iso8859_2: Self.upper8859_2
        case .macRoman: Self.upperMacRoman
        case .codePage437: Self.upper437
        }
    }

    // Bytes 0x80...0xFF; a question mark is an unassigned byte.

    private static let upper1252 = """
        €?‚ƒ„…†‡ˆ‰Š‹Œ?Ž??‘’“”•–—˜™š›œ?žŸ\
        \u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿\
        ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
        àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ
        """

    private static let upper1251 = """
        ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—?™љ›њќћџ\
        \u{A0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{AD}®Ї°±Ііґµ¶·ё№є»јЅѕї\
        АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ\
        абвгдежзийклмнопрстуфхцчшщъыьэюя
        """

    private static let upper1250 = """
        €?‚?„…†‡?‰Š‹ŚŤŽŹ?‘’“”•–—?™š›śťžź\
        \u{A0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{AD}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż\
        ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
        ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙
        """

    private static let upper1253 = """
        €?‚ƒ„…†‡?‰?‹?????‘’“”•–—?™?›????\
        \u{A0}΅Ά£¤¥¦§¨©?«¬\u{AD}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ\
        ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ?ΣΤΥΦΧΨΩΪΫάέήί\
        ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ?
        """

    private static let upper1254 = """
        €?‚ƒ„…†‡ˆ‰Š‹Œ????‘’“”•–—˜™š›œ??Ÿ\
        \u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿\
        ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß\
        àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ
        """

    private static let upper1257 = """
        €?‚?„…†‡?‰?‹?¨ˇ¸?‘’“”•–—?™?›?¯˛?\
        \u{A0}?¢£¤?¦§Ø©Ŗ«¬\u{AD}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æ\
        ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽß\
        ąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙
        """

    private static let upper8859_2 = """
        \u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8A}\u{8B}\u{8C}\u{8D}\u{8E}\u{8F}\
        \u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9A}\u{9B}\u{9C}\u{9D}\u{9E}\u{9F}\
        \u{A0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{AD}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż\
        ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
        ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙
        """

    private static let upperMacRoman = """
        ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü\
        †°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø\
        ¿¡¬√ƒ≈∆«»…\u{A0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ\
        ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{F8FF}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ
        """

    private static let upper437 = """
        ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ\
        áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
        └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
        αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}
        """
}
