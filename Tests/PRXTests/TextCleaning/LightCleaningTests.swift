import PRX
import Testing

@Suite("Light cleaning")
struct LightCleaningTests {
    @Test(arguments: [
        ("  Oak  table\t120x60 cm \n SKU AB12345-X ", "Oak table 120x60 cm SKU AB12345-X"),
        ("红色的椅子 #100234", "红色的椅子 #100234"),
        ("Caf\u{65}\u{301} &amp; T&uuml;r", "Caf\u{E9} & T\u{FC}r"),
        ("می\u{200C}خواهم", "می\u{200C}خواهم"),
        ("a\u{0}b\u{7}c\u{85}d\u{FEFF}e\u{200B}f\u{AD}g", "abc defg"),
        (
            "&amp;lt; &notit &notin; &#0; &#x80; &#55296; &#7;| &bogus; &",
            "&lt; \u{AC}it \u{2209} \u{FFFD} \u{20AC} \u{FFFD} | &bogus; &"
        ),
        ("&#65 &#x42; &#x; &#; &#1114112; &#99999999999999999999;", "A B &#x; &#; \u{FFFD} \u{FFFD}"),
        ("\u{3000}\u{A0}", ""),
    ])
    func cleans(text: String, expected: String) {
        #expect(Array(TextCleaning.light.clean(text).unicodeScalars) == Array(expected.unicodeScalars))
    }
}
