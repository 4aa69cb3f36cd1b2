import Foundation
import PackshotCatalog
import PackshotTestSupport
import Testing

@Suite("Names for paths")
struct PathComponentTests {
    @Test(arguments: [
        "SKU-1", "a", "Größe 42", "杯-赤", "A.B.C", "x y", "MUG_01", "(new)+[2]", "CONSOLE", "com10", "~tilde", "naïve",
    ])
    func goodNamesStay(text: String) {
        #expect(PathComponent.sanitise(text) == text)
    }

    /// The digits are the first twelve of `sha256sum` of the text.
    @Test(arguments: [
        ("a/b", "a-b~c14cddc033f6"), ("..", "_~5ec1f7e700f3"), ("", "_~e3b0c44298fc"), ("CON", "_CON~a3dbc4b644a9"),
    ])
    func badNamesAreMended(text: String, name: String) {
        #expect(PathComponent.sanitise(text) == name)
    }

    @Test func decomposedTextIsTheSameName() {
        #expect(PathComponent.sanitise("Cafe\u{301}").unicodeScalars.elementsEqual("Caf\u{E9}".unicodeScalars))
    }

    static func isSafe(_ name: String) -> Bool {
        let stem = name.prefix { $0 != "." }.uppercased()
        let devices = ["CON", "PRN", "AUX", "NUL"] + (0...9).flatMap { ["COM\($0)", "LPT\($0)"] }
        return !name.isEmpty && name.utf8.count <= 100 && !" .".utf8.contains(name.utf8.first ?? 32)
            && !" .".utf8.contains(name.utf8.last ?? 32) && !devices.contains(stem)
            && name.unicodeScalars.allSatisfy { scalar in
                !"/\\:*?\"<>|".unicodeScalars.contains(scalar) && scalar.value >= 0x20
                    && !(0x7F...0x9F).contains(scalar.value) && !(0x202A...0x202E).contains(scalar.value)
            }
    }

    /// Whatever goes in: safe, the same each time, and different for different texts.
    @Test(arguments: 0..<4)
    func anythingBecomesASafeNameOfItsOwn(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            ".", "..", "/", "\\", " ", "\0", "\n", "\u{202E}", "\u{200D}", "CON", "nul", "com1", "a", "b", "é", "😀",
            "杯",
            ":", "~", "~0123456789ab", "\u{7F}", "e\u{301}", ".\u{301}", " \u{301}", String(repeating: "x", count: 60),
        ]
        var texts: [String: String] = [:]
        for _ in 0..<4_000 {
            let text = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let name = PathComponent.sanitise(text)
            #expect(PathComponentTests.isSafe(name), "\(text.debugDescription) became \(name.debugDescription)")
            #expect(PathComponent.sanitise(text) == name)
            if let other = texts.updateValue(text, forKey: name) {
                #expect(other == text, "\(name.debugDescription) is two texts")
            }
        }
    }

    @Test func mendedNamesCannotBeForged() {
        let mended = PathComponent.sanitise("a/b")
        #expect(PathComponent.sanitise(mended) != mended)
    }

    @Test func theFileSystemTakesThem() throws {
        let folder = try TemporaryFolder()
        for text in ["../../x", "..", "", "/etc/passwd", String(repeating: "杯", count: 200), "a\0b"] {
            let file = try folder.file([1], name: PathComponent.sanitise(text))
            #expect(FileManager.default.fileExists(atPath: file))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 6)
    }
}
