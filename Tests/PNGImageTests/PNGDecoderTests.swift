import PNGImage
import PackshotTestSupport
import Testing

@Suite("Decoding hostile and damaged PNG")
struct PNGDecoderTests {
    typealias Chunk = PNGChunks.Chunk

    static func small() throws -> [UInt8] {
        try PNGEncoder.encode(
            PNGEncoderTests.noise(12, 9, .rgb8),
            text: [PNGText(keyword: "packshot", text: "{\"seed\":1}"), PNGText(keyword: "title", text: "été")])
    }

    static func code(_ file: [UInt8], limits: PNGLimits = .standard) -> PNGError.Code? {
        do {
            _ = try PNGDecoder.decode(file, limits: limits)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func otherFilesAreNotPNG() {
        #expect(PNGDecoderTests.code([]) == .notPNG)
        #expect(PNGDecoderTests.code(Array("GIF89a and more".utf8)) == .notPNG)
    }

    @Test func everyCutIsFound() throws {
        let file = try PNGDecoderTests.small()
        for length in 8..<file.count {
            #expect(PNGDecoderTests.code(Array(file.prefix(length))) == .damaged, "cut at \(length)")
        }
        #expect(PNGDecoderTests.code(file + [1, 2, 3]) == nil)
    }

    @Test func everyChangedByteIsFound() throws {
        let file = try PNGDecoderTests.small()
        for position in file.indices {
            var changed = file
            changed[position] ^= 0x20
            #expect(PNGDecoderTests.code(changed) != nil, "byte \(position)")
        }
    }

    @Test func errorsNameTheChunkAndThePlace() throws {
        let file = try PNGDecoderTests.small()
        let cut = #expect(throws: PNGError.self) { try PNGDecoder.decode(Array(file.prefix(60))) }
        #expect(cut?.message.contains("chunk tEXt at byte 46") == true, "\(String(describing: cut))")
        var changed = file
        changed[60] ^= 1
        let damaged = #expect(throws: PNGError.self) { try PNGDecoder.decode(changed) }
        #expect(damaged?.message.contains("tEXt: CRC error") == true, "\(String(describing: damaged))")
    }

    @Test func absurdSizesAreRefusedBeforeAnythingIsAllocated() throws {
        var chunks = try PNGChunks(PNGDecoderTests.small()).chunks
        for (width, height) in [(65_536, 65_536), (1_000_001, 1), (0, 5), (0x7FFF_FFFF, 0x7FFF_FFFF), (8193, 8192)] {
            let header = PNGChunks.bigEndian(width) + PNGChunks.bigEndian(height) + chunks[0].data.dropFirst(8)
            chunks[0] = Chunk(type: "IHDR", data: header)
            #expect(PNGDecoderTests.code(PNGChunks.file(chunks)) == .limitExceeded, "\(width)x\(height)")
        }
        #expect(
            try PNGDecoderTests.code(
                PNGDecoderTests.small(), limits: PNGLimits(pixelCount: 107, chunkBytes: 1000, textChunkCount: 9))
                == .limitExceeded)
        #expect(
            try PNGDecoderTests.code(
                PNGDecoderTests.small(), limits: PNGLimits(pixelCount: 108, chunkBytes: 1000, textChunkCount: 2)) == nil
        )
    }

    @Test func oversizedAndTooManyTextsAreRefused() throws {
        var chunks = try PNGChunks(PNGDecoderTests.small()).chunks
        let large = Chunk(type: "tEXt", data: Array("k\0".utf8) + [UInt8](repeating: 65, count: 4 << 20))
        #expect(PNGDecoderTests.code(PNGChunks.file([chunks[0], large] + chunks.dropFirst())) == .limitExceeded)
        let text = Chunk(type: "tEXt", data: Array("k\0v".utf8))
        let many = [Chunk](repeating: text, count: 30)
        #expect(PNGDecoderTests.code(PNGChunks.file([chunks[0]] + many + chunks.dropFirst())) == nil)
        #expect(
            PNGDecoderTests.code(PNGChunks.file([chunks[0], text] + many + chunks.dropFirst())) == .limitExceeded)
        // Texts after the pixels count too.
        chunks.insert(large, at: chunks.count - 1)
        #expect(PNGDecoderTests.code(PNGChunks.file(chunks)) == .limitExceeded)
    }

    @Test func compressedTextsAreReadUpToTheLimit() throws {
        // The pixel data of a grey image is a zlib stream like any other: for each row the filter's number (1, difference
        // to the left), the first value and the difference.
        func stream(_ rows: Int) throws -> [UInt8] {
            let values = [[UInt8]](repeating: [65, 65 + 66], count: rows).flatMap { $0 }
            let column = try Bitmap(width: 2, height: rows, format: .gray8, pixels: values)
            let compression = PNGEncoder.Compression(level: 9, strategy: 0, filters: 0x10)
            let file = try PNGEncoder.encode(column, text: [], compression: compression)
            return try PNGChunks(file).chunks.filter { $0.type == "IDAT" }.flatMap(\.data)
        }
        let chunks = try PNGChunks(PNGDecoderTests.small()).chunks
        let fair = Chunk(type: "zTXt", data: Array("k\0\0".utf8) + (try stream(100)))
        let decoded = try PNGDecoder.decode(PNGChunks.file([chunks[0], fair] + chunks.dropFirst()))
        #expect(decoded.text.first?.text == String(repeating: "\u{1}AB", count: 100))
        #expect(decoded.text.count == 3)
        let bomb = Chunk(type: "zTXt", data: Array("k\0\0".utf8) + (try stream(1_000_000)))
        #expect(bomb.data.count < 20_000)
        let limits = PNGLimits(pixelCount: 1000, chunkBytes: 1_000_000, textChunkCount: 9)
        let file = PNGChunks.file([chunks[0], bomb] + chunks.dropFirst())
        #expect(PNGDecoderTests.code(file, limits: limits) == .damaged)
    }

    @Test func textsThatAreNotUTF8AreRefused() throws {
        let chunks = try PNGChunks(PNGDecoderTests.small()).chunks
        let text = Chunk(type: "iTXt", data: Array("k\0\0\0\0\0".utf8) + [0xFF, 0xFE])
        #expect(PNGDecoderTests.code(PNGChunks.file([chunks[0], text] + chunks.dropFirst())) == .damaged)
    }

    @Test func missingPixelsAreFound() throws {
        let chunks = try PNGChunks(PNGDecoderTests.small()).chunks
        #expect(PNGDecoderTests.code(PNGChunks.file(chunks.filter { $0.type != "IDAT" })) == .damaged)
        let header = chunks[0].data
        let taller = Chunk(type: "IHDR", data: header.prefix(7) + [header[7] + 1] + header.dropFirst(8))
        #expect(PNGDecoderTests.code(PNGChunks.file([taller] + chunks.dropFirst())) == .damaged)
    }

    /// Changes bytes, chunks and their order, mostly with right checksums so that libpng gets to see the change.
    @Test(arguments: 0..<8)
    func mutatedFilesNeverDoHarm(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let chunks = try PNGChunks(PNGDecoderTests.small()).chunks
        let limits = PNGLimits(pixelCount: 1 << 16, chunkBytes: 1 << 16, textChunkCount: 8)
        let types = ["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "zTXt", "iTXt", "tEXt", "iCCP", "acTL", "caBX", "bKGD"]
        var refused = 0
        for _ in 0..<500 {
            var mutant = chunks
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<mutant.count, using: &random)
                var data = mutant[index].data
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1:
                    if !data.isEmpty {
                        data[Int.random(in: 0..<data.count, using: &random)] = .random(in: 0...255, using: &random)
                    }
                    mutant[index] = Chunk(type: mutant[index].type, data: data)
                case 2:
                    mutant[index] = Chunk(type: types.randomElement(using: &random) ?? "IDAT", data: data)
                case 3:
                    data = Array(data.prefix(Int.random(in: 0...data.count, using: &random)))
                    mutant[index] = Chunk(type: mutant[index].type, data: data)
                case 4:
                    mutant.insert(mutant[index], at: Int.random(in: 0...mutant.count, using: &random))
                default:
                    if mutant.count > 1 { mutant.remove(at: index) }
                }
            }
            var file = PNGChunks.file(mutant)
            if Int.random(in: 0..<4, using: &random) == 0 {
                file[Int.random(in: 8..<file.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            do {
                let decoded = try PNGDecoder.decode(file, limits: limits)
                #expect(decoded.bitmap.width * decoded.bitmap.height <= limits.pixelCount)
            } catch {
                refused += 1
                #expect(!error.message.isEmpty)
            }
        }
        #expect(refused > 100)
    }
}
