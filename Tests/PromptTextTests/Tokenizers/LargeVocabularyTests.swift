import Foundation
import PackshotTestSupport
import PromptText
import Testing

/// Files as large as the published ones (Gemma's: 256,000 words, 580,000 merges) and words that Swift's strings would take for
/// one another.
@Suite("Large and awkward vocabularies")
struct LargeVocabularyTests {
    private func folder(vocabulary: [String], merges: [(String, String)]) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        var text = #"{"added_tokens":[],"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},"#
        text +=
            #""pre_tokenizer":null,"post_processor":null,"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"#
        text += #""byte_fallback":true,"vocab":{"#
        text += vocabulary.enumerated().map { "\"\($0.element)\":\($0.offset)" }.joined(separator: ",")
        text += "},\"merges\":[" + merges.map { "[\"\($0.0)\",\"\($0.1)\"]" }.joined(separator: ",") + "]}}"
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/tokenizer.json"))
        try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(path)/tokenizer_config.json"))
        return path
    }

    /// Every word of six letters out of eight: each is made by merging two halves, in a known way.
    @Test func aQuarterOfAMillionWords() throws {
        let letters = ["a", "b", "c", "d", "e", "f", "g", "h"]
        let pairs = letters.flatMap { a in letters.map { a + $0 } }
        let triples = pairs.flatMap { a in letters.map { a + $0 } }
        let sixes = triples.flatMap { a in triples.map { a + $0 } }
        let words = ["<unk>"] + letters + pairs + triples + sixes
        var merges: [(String, String)] = []
        for pair in pairs { merges.append((String(pair.prefix(1)), String(pair.suffix(1)))) }
        for triple in triples { merges.append((String(triple.prefix(2)), String(triple.suffix(1)))) }
        for six in sixes { merges.append((String(six.prefix(3)), String(six.suffix(3)))) }
        #expect(words.count > 256_000 && merges.count > 256_000)
        let folder = try folder(vocabulary: words, merges: merges)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clock = ContinuousClock()
        let start = clock.now
        let tokenizer = try Tokenizer(folder: folder)
        print("read \(words.count) words and \(merges.count) merges in \(clock.now - start)")
        for index in stride(from: words.count - sixes.count, to: words.count, by: 9973) {
            // All pairs merge before all triples: only words whose letters pair up from the left become one token.
            let tokens = tokenizer.encode(words[index], maxLength: 8).tokens
            #expect(tokens.map { words[Int($0)] }.joined() == words[index])
        }
    }

    /// U+00E9 and e with U+0301 are two words of a vocabulary and one string of Swift's; so are U+212B and U+00C5.
    @Test func canonicallyEquivalentWordsStayApart() throws {
        let words = ["<unk>", "e", "\u{301}", "e\u{301}", "\u{E9}", "\u{212B}", "\u{C5}", "A", "\u{30A}", "A\u{30A}"]
        let folder = try folder(vocabulary: words, merges: [("e", "\u{301}"), ("A", "\u{30A}")])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tokenizer = try Tokenizer(folder: folder)
        for (id, word) in words.enumerated().dropFirst() {
            #expect(tokenizer.encode(word, maxLength: 8).tokens == [Int32(id)], "\(word.unicodeScalars.map(\.value))")
        }
    }
}
