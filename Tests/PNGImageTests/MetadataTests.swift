import Foundation
import PNGImage
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite("Generation parameters")
struct GenerationParametersTests {
    static func parameters(prompt: String, negative: String = "", model: String = "packshot-tiny")
        -> GenerationParameters
    {
        GenerationParameters(
            prompt: prompt, negativePrompt: negative, steps: 12, sampler: "Euler", guidance: 2, seed: 4_294_967_295,
            width: 128, height: 96, modelHash: "0123456789", model: model, version: "packshot 0.1.0")
    }

    @Test func theTextIsInTheUsualForm() {
        #expect(
            GenerationParametersTests.parameters(prompt: "a red mug, studio", negative: "blurry, dark").infotext == """
                a red mug, studio
                Negative prompt: blurry, dark
                Steps: 12, Sampler: Euler, CFG scale: 2, Seed: 4294967295, Size: 128x96, Model hash: 0123456789, \
                Model: packshot-tiny, Version: packshot 0.1.0
                """)
        var half = GenerationParametersTests.parameters(prompt: "x")
        half.settings = [.init("CFG scale", "2.5")]
        #expect(half.infotext == "x\nCFG scale: 2.5")
    }

    /// The reader that AUTOMATIC1111 has, from its description: the last line is settings if it holds at least three;
    /// lines before it are the prompt up to a line that begins the negative prompt; quoted values are JSON.
    static func read(_ text: String) throws -> (prompt: String, negative: String, settings: [String: String]) {
        let pattern = try Regex(#"\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)"#)
        var lines = text.trimmingCharacters(in: .whitespacesAndNewlines).components(separatedBy: "\n")
        var last = lines.removeLast()
        if last.matches(of: pattern).count < 3 {
            lines.append(last)
            last = ""
        }
        var prompt: [String] = []
        var negative: [String] = []
        var isNegative = false
        for line in lines.map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if line.hasPrefix("Negative prompt:") {
                isNegative = true
                negative.append(line.dropFirst(16).trimmingCharacters(in: .whitespaces))
            } else if isNegative {
                negative.append(line)
            } else {
                prompt.append(line)
            }
        }
        var settings: [String: String] = [:]
        for match in last.matches(of: pattern) {
            let name = String(match.output[1].substring ?? "")
            var value = String(match.output[2].substring ?? "")
            if value.hasPrefix("\""), value.hasSuffix("\"") {
                value = try JSONDecoder().decode(String.self, from: Data(value.utf8))
            }
            settings[name] = value
        }
        return (prompt.joined(separator: "\n"), negative.joined(separator: "\n"), settings)
    }

    @Test(arguments: [
        ("a mug", ""), ("a mug, red, \"studio\" light: soft", "blurry, \"text\""), ("line one\nline two", "a\nb"),
        ("Steps: 3, Size: 1x1", "x"), ("赤いマグカップ、木のテーブル", "ぼやけた"),
    ])
    func viewersReadItBack(prompt: String, negative: String) throws {
        let model = "my, \"odd\": model\\name\nv2"
        let text = GenerationParametersTests.parameters(prompt: prompt, negative: negative, model: model).infotext
        let read = try GenerationParametersTests.read(text)
        #expect(read.prompt == prompt)
        #expect(read.negative == negative)
        #expect(read.settings["Steps"] == "12")
        #expect(read.settings["Seed"] == "4294967295")
        #expect(read.settings["Size"] == "128x96")
        #expect(read.settings["Model"] == model)
        #expect(read.settings["Version"] == "packshot 0.1.0")
        #expect(read.settings.count == 8)
    }
}

@Suite("Provenance XMP")
struct ProvenanceXMPTests {
    /// Collects text by qualified name with namespaces resolved, by libxml2.
    final class Collector: NSObject, XMLParserDelegate {
        var texts: [String: String] = [:]
        private var path: [String] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            path.append("\(namespaceURI ?? "")|\(name)")
        }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) {
            path.removeLast()
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            texts[path.last ?? "", default: ""] += string
        }
    }

    static func read(_ packet: String) throws -> [String: String] {
        let parser = XMLParser(data: Data(packet.utf8))
        parser.shouldProcessNamespaces = true
        let collector = Collector()
        parser.delegate = collector
        try #require(parser.parse(), "\(String(describing: parser.parserError))")
        return collector.texts
    }

    let iptc = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/|"

    @Test func propertiesAreThoseOfTheStandard() throws {
        let prompt = "a <b>mug</b> & \"more\" ]]> 'x'\n日本語\tend"
        let xmp = ProvenanceXMP(
            system: "packshot, packshot-tiny", systemVersion: "0.1.0; sha256:abc", prompt: prompt, description: "a & b")
        let texts = try ProvenanceXMPTests.read(xmp.packet)
        #expect(
            texts[iptc + "DigitalSourceType"]
                == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
        #expect(texts[iptc + "AISystemUsed"] == "packshot, packshot-tiny")
        #expect(texts[iptc + "AISystemVersionUsed"] == "0.1.0; sha256:abc")
        #expect(texts[iptc + "AIPromptInformation"] == prompt)
        #expect(texts["http://www.w3.org/1999/02/22-rdf-syntax-ns#|li"] == "a & b")
    }

    @Test func whatIsNotGivenIsLeftOut() throws {
        let packet = ProvenanceXMP(sourceType: .compositeWithTrainedAlgorithmicMedia, system: "s").packet
        #expect(packet.contains("/compositeWithTrainedAlgorithmicMedia<"))
        #expect(try ProvenanceXMPTests.read(packet)[iptc + "AISystemUsed"] == "s")
        #expect(!packet.contains("AIPromptInformation"))
        #expect(!packet.contains("AISystemVersionUsed"))
        #expect(!packet.contains("dc:description"))
    }

    @Test func charactersXMLCannotHoldAreReplaced() throws {
        let packet = ProvenanceXMP(system: "s", prompt: "a\u{0}b\u{1B}c\u{FFFF}d\re").packet
        #expect(
            try ProvenanceXMPTests.read(packet)[iptc + "AIPromptInformation"] == "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\re")
    }

    @Test func itGoesIntoThePlaceReadersLook() throws {
        let bitmap = try Bitmap(width: 1, height: 1, format: .rgb8, filledWith: [1, 2, 3])
        let xmp = ProvenanceXMP(system: "s")
        let chunk = try PNGChunks(PNGEncoder.encode(bitmap, text: [xmp.text])).chunks[2]
        #expect(chunk.type == "iTXt")
        #expect(chunk.data == Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + Array(xmp.packet.utf8))
    }
}
