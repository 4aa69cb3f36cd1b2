import Digests
import PackshotCatalog
import PackshotJobs
import PackshotTestSupport
import Testing

@Suite("Reading catalogs")
struct CatalogReaderTests {
    static func products(_ bytes: some Sequence<UInt8>, limits: CatalogLimits = .standard) throws -> [Product] {
        let folder = try TemporaryFolder()
        let reader = try CatalogReader(path: try folder.file(bytes), limits: limits)
        var products: [Product] = []
        while let product = try reader.next() { products.append(product) }
        return products
    }

    static func products(_ text: String, limits: CatalogLimits = .standard) throws -> [Product] {
        try products(text.utf8, limits: limits)
    }

    @Test func aRowIsAProduct() throws {
        let products = try CatalogReaderTests.products(
            "SKU,Title,color,Material\nA-1,Red mug,red,ceramic\nA-2,  Lamp ,,\n")
        #expect(products.map(\.sku) == ["A-1", "A-2"])
        #expect(products.map(\.title) == ["Red mug", "Lamp"])
        #expect(products.map(\.row) == [2, 3])
        #expect(products[0].columns.names == ["SKU", "Title", "color", "Material"])
        #expect(products[0].attributes.map(\.name) == ["color", "Material"])
        #expect(products[0]["COLOR"] == "red")
        #expect(products[0]["size"] == nil)
        #expect(products[1].attributes.isEmpty)
        #expect(products[0].record.attributes == ["color": "red", "Material": "ceramic"])
    }

    @Test(arguments: [
        ("LF", "sku,title\nA,x\nB,y\n"), ("CRLF", "sku,title\r\nA,x\r\nB,y\r\n"), ("CR", "sku,title\rA,x\rB,y\r"),
        ("no end", "sku,title\nA,x\nB,y"), ("semicolon", "sku;title\nA;x\nB;y\n"), ("tab", "sku\ttitle\nA\tx\nB\ty\n"),
        ("mark", "\u{FEFF}sku,title\nA,x\nB,y\n"), ("sep line", "sep=;\nsku;title\nA;x\nB;y\n"),
        ("sep comma", "sep=,\r\nsku,title\r\nA,x\r\nB,y\r\n"), ("blank lines", "\n\nsku,title\n\nA,x\n,\n\nB,y\n\n\n"),
        ("quoted", "\"sku\",\"title\"\n\"A\",\"x\"\n\"B\",\"y\""),
        ("quoted with semicolons", "\"sku\";\"title\"\n\"A\";\"x\"\n\"B\";\"y\""),
        ("quoted with tabs", "\"sku\"\t\"title\"\t\"a,\nb\"\n\"A\"\tx\t\nB\ty\t"),
        ("other order", "title,sku\nx,A\ny,B\n"),
        ("unnamed column", "sku,,title,\nA,1,x,2\nB,3,y,4\n"),
    ])
    func everyFormReadsTheSame(form: String, text: String) throws {
        let products = try CatalogReaderTests.products(text)
        #expect(products.map(\.sku) == ["A", "B"])
        #expect(products.map(\.title) == ["x", "y"])
    }

    @Test func theDelimiterIsTheOneThatMakesTheNeededColumns() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("sku;title;a,b,c,d,e,f\nA;x;1\n".utf8)
        let reader = try CatalogReader(path: path)
        #expect(reader.delimiter == ";")
        #expect(reader.columns.names == ["sku", "title", "a,b,c,d,e,f"])
    }

    @Test func quotesHoldDelimitersQuotesAndLineBreaks() throws {
        let products = try CatalogReaderTests.products(
            "sku,title,text\r\nA,\"a, \"\"b\"\"\",\"one\r\ntwo\rthree\n\nfour\"\r\nB,27\" monitor,\"\"\"\"\r\n")
        #expect(products[0].title == "a, \"b\"")
        #expect(products[0]["text"] == "one\ntwo\nthree\n\nfour")
        #expect(products[1].title == "27\" monitor")
        #expect(products[1]["text"] == "\"")
        #expect(products.map(\.row) == [2, 3])
    }

    @Test(arguments: [false, true])
    func utf16IsRead(isBigEndian: Bool) throws {
        let text = "\u{FEFF}sku\ttitle\r\nÄ-1\t\"杯 😀, 'é'\"\r\nB\tx\r\n"
        let bytes = text.utf16.flatMap { unit in
            isBigEndian
                ? [UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit)]
                : [UInt8(truncatingIfNeeded: unit), UInt8(unit >> 8)]
        }
        let products = try CatalogReaderTests.products(bytes)
        #expect(products.map(\.sku) == ["Ä-1", "B"])
        #expect(products[0].title == "杯 😀, 'é'")
        for cut in [bytes.dropLast(1), bytes.prefix(16) + [0xD8, 0xD8, 0xD8, 0xD8]] {
            let error = #expect(throws: CatalogError.self) { try CatalogReaderTests.products(cut) }
            #expect(error?.code == .encoding)
        }
    }

    @Test func controlCharactersAreDropped() throws {
        let products = try CatalogReaderTests.products(
            "sku,title,text\nA,\u{1}a\0b\u{7F}c\t\"d\",\u{A0} x\u{85}y\u{9F}z \u{2003}\nB,\"two\nlines\",\"\t \"\n")
        #expect(products[0].title == "abc \"d\"")
        #expect(products[0]["text"] == "xyz")
        #expect(products[1].title == "two lines")
        #expect(products[1]["text"] == "")
    }

    @Test func skusAreNormalised() throws {
        let products = try CatalogReaderTests.products("sku,title\nCafe\u{301} 1,x\n")
        #expect(products[0].sku.unicodeScalars.elementsEqual("Caf\u{E9} 1".unicodeScalars))
    }

    @Test func theDigestIsThatOfTheFile() throws {
        let folder = try TemporaryFolder()
        let bytes = Array(("\u{FEFF}sku,title\n" + (0..<40_000).map { "S\($0),t\n" }.joined()).utf8)
        let path = try folder.file(bytes)
        let all = try CatalogReader(path: path)
        while try all.next() != nil {}
        #expect(try all.finishDigest() == SHA256Digest.hash(bytes))
        let some = try CatalogReader(path: path)
        _ = try some.next()
        #expect(try some.finishDigest() == SHA256Digest.hash(bytes))
    }

    /// Tables of random cells, written by a writer of the test's own, come back cell by cell; long enough to cross the
    /// reader's buffers in every state.
    @Test(arguments: 0..<9)
    func randomTablesComeBack(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let delimiter: Character = [",", ";", "\t"][Int(seed % 3)]
        let lineEnd = ["\n", "\r\n", "\r"][Int(seed / 3 % 3)]
        let pieces = ["a", "Ü", "杯", "\"", ",", ";", "\t", "\r\n", "\n", " ", "x\(lineEnd)y", "😀", "=1+1"]
        let longest = seed % 2 == 0 ? 8 : 4_000
        var rows: [[String]] = []
        var text = ["sku", "title", "a", "b"].joined(separator: String(delimiter)) + lineEnd
        while text.utf8.count < 600_000 {
            let cells = (0..<2).map { _ in
                (0..<Int.random(in: 0...longest, using: &random)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }.joined()
            }
            let row = ["S-\(rows.count)", "t"] + cells
            rows.append(row)
            text += row.map { cell in
                let mustQuote = cell.unicodeScalars.contains { "\"\r\n".unicodeScalars.contains($0) }
                guard mustQuote || cell.contains(delimiter) || Bool.random(using: &random) else { return cell }
                return "\"" + cell.replacing("\"", with: "\"\"") + "\""
            }.joined(separator: String(delimiter))
            text += lineEnd
        }
        let products = try CatalogReaderTests.products(text)
        #expect(products.count == rows.count)
        for (product, row) in zip(products, rows) {
            let expected = row.map { cell in
                let lines = cell.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
                return lines.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed().map(String.init)
                    .joined()
            }
            if product.values != expected {
                Issue.record("row \(product.row): \(product.values) is not \(expected)")
                break
            }
        }
    }
}
