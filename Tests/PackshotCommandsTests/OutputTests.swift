import PackshotCommands
import Testing

/// How text becomes fit for a terminal.
@Suite("Output")
struct OutputTests {
    @Test(arguments: [
        ("plain, Grüße, 日本語, 👩‍👧", "plain, Grüße, 日本語, 👩‍👧"), ("a\u{1B}[2Jb", "a\\u{1b}[2Jb"),
        ("a\u{9B}b\u{7F}", "a\\u{9b}b\\u{7f}"),
        ("invoice\u{202E}gnp.exe", "invoice\\u{202e}gnp.exe"),
        ("a\u{2066}b\u{200B}c\u{FEFF}", "a\\u{2066}b\\u{200b}c\\u{feff}"),
        ("two\nlines\r\u{2028}", "two\\u{a}lines\\u{d}\\u{2028}"),
    ])
    func nothingSteersTheTerminal(text: String, shown: String) {
        #expect(Printable.line(text) == shown)
    }

    @Test func severalLinesStaySeveral() {
        #expect(Printable.text("a\n\tb\r") == "a\n\tb\\u{d}")
        #expect(Columns.text([("name", "value\nforged  row")]) == "name  value\\u{a}forged  row")
    }

    @Test func jsonMeansTheSameAndIsHarmless() {
        #expect(Printable.json("{\"a\": \"x\u{202E}y\u{E0001}\"}\n") == "{\"a\": \"x\\u202ey\\udb40\\udc01\"}\n")
    }

    @Test func aLineIsCutToTheColumnsThereAre() {
        #expect(TerminalWidth.cut("spring  3/9 done", to: 40) == "spring  3/9 done")
        #expect(TerminalWidth.cut("spring  3/9 done", to: 10) == "spring  3…")
        #expect(TerminalWidth.cut("日本語の名前", to: 12) == "日本語の名前")
        #expect(TerminalWidth.cut("日本語の名前", to: 11) == "日本語の名…")
        #expect(TerminalWidth.cut("日本語の名前", to: 6) == "日本…")
        #expect(TerminalWidth.cut("abc", to: 0) == "")
    }

    @Test func aListSaysWhatItLeavesOut() {
        #expect(Shortened.text(shown: 20, of: 93, "batches", more: "--all") == "… and 73 more batches; --all")
        #expect(Shortened.text(shown: 20, of: 20, "batches", more: "--all") == nil)
        #expect(
            Shortened.text(shown: 1, of: 9, atMost: 9, "jobs", more: "--all") == "… and more than 8 more jobs; --all")
    }
}
