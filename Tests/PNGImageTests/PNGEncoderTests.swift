import PNGImage
import PackshotTestSupport
import Testing

@Suite("Encoding PNG")
struct PNGEncoderTests {
    static func noise(_ width: Int, _ height: Int, _ format: Bitmap.Format, seed: UInt64 = 1) throws -> Bitmap {
        var random = SeededGenerator(seed: seed)
        let pixels = (0..<(width * height * format.channels)).map { _ in UInt8.random(in: 0...255, using: &random) }
        return try Bitmap(width: width, height: height, format: format, pixels: pixels)
    }

    @Test func chunksStandInOrderWithTheirBytes() throws {
        let bitmap = try PNGEncoderTests.noise(31, 7, .rgb8)
        let file = try PNGEncoder.encode(
            bitmap,
            text: [
                PNGText(keyword: "parameters", text: "a mug\nSteps: 1"),
                PNGText(keyword: "packshot", text: "{\"title\":\"Müll\"}"),
                PNGText(keyword: "XML:com.adobe.xmp", text: "<x/>", isInternational: true),
                PNGText(keyword: "Comment", text: "é", isInternational: false),
                PNGText(keyword: "Empty", text: ""),
            ])
        let chunks = try PNGChunks(file).chunks
        #expect(
            chunks.map(\.type).filter { $0 != "IDAT" } == [
                "IHDR", "sRGB", "tEXt", "iTXt", "iTXt", "tEXt", "tEXt", "IEND",
            ])
        #expect(chunks.firstIndex { $0.type == "IDAT" } == 7)
        // Width, height, 8 bits, colour type 2 (RGB), deflate, adaptive filters, not interlaced.
        #expect(chunks[0].data == [0, 0, 0, 31, 0, 0, 0, 7, 8, 2, 0, 0, 0])
        #expect(chunks[2].data == Array("parameters\0a mug\nSteps: 1".utf8))
        // iTXt: keyword, not compressed, no method, no language, no translated keyword, text.
        #expect(chunks[3].data == Array("packshot\0\0\0\0\0{\"title\":\"Müll\"}".utf8))
        #expect(chunks[4].data == Array("XML:com.adobe.xmp\0\0\0\0\0<x/>".utf8))
        #expect(chunks[5].data == Array("Comment\0".utf8) + [0xE9])
        #expect(chunks[6].data == Array("Empty\0".utf8))
    }

    @Test(arguments: [(Bitmap.Format.gray8, UInt8(0)), (.rgb8, 2), (.rgba8, 6)])
    func theHeaderNamesTheFormat(format: Bitmap.Format, colorType: UInt8) throws {
        let header = try PNGChunks(PNGEncoder.encode(PNGEncoderTests.noise(3, 2, format))).chunks[0]
        #expect(header.data[8] == 8)
        #expect(header.data[9] == colorType)
    }

    @Test(arguments: [(1, 1), (3, 2), (257, 31), (16, 300)], [Bitmap.Format.rgb8, .rgba8])
    func pixelsAndTextsComeBack(size: (Int, Int), format: Bitmap.Format) throws {
        let bitmap = try PNGEncoderTests.noise(size.0, size.1, format)
        let text = [
            PNGText(keyword: "a", text: "日本語, \"quotes\"\nand lines"), PNGText(keyword: "b", text: "plain"),
            PNGText(keyword: "a", text: "again"),
        ]
        let decoded = try PNGDecoder.decode(PNGEncoder.encode(bitmap, text: text))
        #expect(decoded.bitmap == bitmap)
        #expect(decoded.text == text)
        #expect(decoded.text("a") == "日本語, \"quotes\"\nand lines")
        #expect(decoded.text("c") == nil)
    }

    @Test func greyComesBackAsRGB() throws {
        let bitmap = try PNGEncoderTests.noise(9, 5, .gray8)
        let decoded = try PNGDecoder.decode(PNGEncoder.encode(bitmap)).bitmap
        #expect(decoded.format == .rgb8)
        #expect(decoded.pixels == bitmap.pixels.flatMap { [$0, $0, $0] })
    }

    @Test func theSameImageGivesTheSameBytes() throws {
        let bitmap = try PNGEncoderTests.noise(64, 64, .rgb8)
        let text = [PNGText(keyword: "k", text: "v")]
        #expect(try PNGEncoder.encode(bitmap, text: text) == PNGEncoder.encode(bitmap, text: text))
    }

    @Test(arguments: ["", " a", "a ", "a  b", "line\nbreak", "日本", String(repeating: "k", count: 80)])
    func badKeywordsAreRefused(keyword: String) throws {
        let bitmap = try PNGEncoderTests.noise(1, 1, .rgb8)
        let error = #expect(throws: PNGError.self) {
            try PNGEncoder.encode(bitmap, text: [PNGText(keyword: keyword, text: "x")])
        }
        #expect(error?.code == .invalidText)
    }

    @Test func textsThatNoChunkHoldsAreRefused() throws {
        let bitmap = try PNGEncoderTests.noise(1, 1, .rgb8)
        for text in [
            PNGText(keyword: "k", text: "a\0b"), PNGText(keyword: "k", text: "日本", isInternational: false),
        ] {
            let error = #expect(throws: PNGError.self) { try PNGEncoder.encode(bitmap, text: [text]) }
            #expect(error?.code == .invalidText)
            #expect(error?.message.contains("\"k\"") == true)
        }
    }

    @Test func sizesThatDoNotFitAreRefused() {
        for (width, height, count) in [(2, 2, 11), (0, 1, 0), (1, -1, 0), (1_000_001, 1, 3_000_003), (Int.max, 2, 6)] {
            let error = #expect(throws: PNGError.self) {
                try Bitmap(
                    width: width, height: height, format: .rgb8, pixels: [UInt8](repeating: 0, count: count))
            }
            #expect(error?.code == .invalidImage)
        }
    }
}
