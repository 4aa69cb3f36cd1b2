import PackshotCatalog
import PackshotTestSupport
import Testing

@Suite("Catalogs that cannot be used")
struct CatalogErrorTests {
    static func error(_ bytes: some Sequence<UInt8>, limits: CatalogLimits = .standard) -> CatalogError? {
        do {
            _ = try CatalogReaderTests.products(bytes, limits: limits)
            return nil
        } catch {
            return error as? CatalogError
        }
    }

    @Test(arguments: [
        ("", CatalogError.Code.header, ["is empty"]), ("\n\n", .header, ["is empty"]),
        ("sep=;\n", .header, ["is empty"]), ("sku,title\n", .rows, ["is empty", "no products"]),
        ("sku,name,colour\nA,x,y\n", .header, ["lacks \"title\"", "it has: sku, name, colour"]),
        ("id,name\nA,x\n", .header, ["\"sku\" and \"title\""]),
        ("sku,title,Color,COLOR\nA,x,1,2\n", .header, ["two columns \"COLOR\": columns 3 and 4"]),
        ("sku,title\nA,x\nB\n", .rows, ["row 3: has 1 fields, the header has 2"]),
        ("sku,title\nA,x, y\n", .rows, ["row 2: has 3 fields", "not quoted"]),
        ("sku,title\nA-1,x\nA-2,\n", .rows, ["row 3, column title: is empty (SKU \"A-2\")"]),
        ("sku,title\n,x\n", .rows, ["row 2, column sku: is empty"]),
        ("sku,title\nA,x\nB,y\nA,z\n", .rows, ["row 4, column sku: \"A\" is a duplicate: row 2"]),
        ("sku,title\nCaf\u{E9},x\nCafe\u{301},y\n", .rows, ["row 3, column sku", "duplicate: row 2"]),
        ("sku,title\n../../x,y\n", .rows, ["row 2, column sku: \"../../x\"", "path separator"]),
        ("sku,title\n..,y\n", .rows, ["\"..\""]), ("sku,title\na\\b,y\n", .rows, ["path separator"]),
        ("sku,title\na\u{1B}b,y\n", .rows, ["control character", "a\\u{1b}b"]),
        ("sku,title\n\"a\nb\",y\n", .rows, ["control character or line break"]),
        ("sku,title\nA,\"x\nB,y\n", .malformed, ["row 2", "quote that opens field 2 is never closed"]),
        ("sku,title\n\"A\nb\",x\nB,\"y\n\n", .malformed, ["row 3 (line 4)", "never closed"]),
        ("sku,title\nA,\"x\" y\n", .malformed, ["row 2: field 2: text follows a closing quote"]),
        ("s\0k\0u\0,\0t\0i\0t\0l\0e\0\n\0A\0,\0x\0", .encoding, ["U+0000", "UTF-16"]),
    ])
    func theErrorSaysWhereAndWhat(text: String, code: CatalogError.Code, mentions: [String]) throws {
        let error = try #require(CatalogErrorTests.error(text.utf8))
        #expect(error.code == code, "\(error)")
        for mention in mentions { #expect("\(error)".contains(mention), "\(error)") }
        #expect("\(error)".contains("/catalog.csv: "))
    }

    @Test func allProblemsAreToldAtOnce() throws {
        let error = try #require(CatalogErrorTests.error("sku,title\nA,x\n,y\nB\nA,z\nC,\n".utf8))
        #expect(error.problems.map(\.row) == [3, 4, 5, 6])
        #expect("\(error)".hasSuffix(": 4 problems\n\(error.problems.map { "  \($0)" }.joined(separator: "\n"))"))
        #expect(!error.isIncomplete)
    }

    @Test func fiftyProblemsAreEnough() throws {
        let rows = (0..<60).map { "S\($0),\n" }.joined()
        let error = try #require(CatalogErrorTests.error(("sku,title\n" + rows).utf8))
        #expect(error.problems.count == 50)
        #expect(error.isIncomplete)
        #expect("\(error)".contains("50 or more problems"))
    }

    @Test func problemsBeforeAFatalOneAreKept() throws {
        let error = try #require(CatalogErrorTests.error("sku,title\n,x\nB,\"y".utf8))
        #expect(error.code == .malformed)
        #expect(error.problems.map(\.row) == [2, 3])
    }

    @Test func bytesThatAreNotUTF8AreNamed() throws {
        let latin1 = Array("sku,title\nA,x\nB,caf".utf8) + [0xE9] + Array("\n".utf8)
        let error = try #require(CatalogErrorTests.error(latin1))
        #expect("\(error)".contains("row 3, column title: is not UTF-8"))
        let header = try #require(CatalogErrorTests.error([0xE9] + Array(",sku,title\n".utf8)))
        #expect(header.code == .encoding)
        #expect("\(header)".contains("column 1 of the header"))
    }

    @Test func sizesAreBounded() throws {
        let long = String(repeating: "x", count: 1_100_000)
        let cell = try #require(CatalogErrorTests.error("sku,title\nA-1,\(long)\nA-2,fine\n".utf8))
        #expect(cell.description.contains("row 2, column title: has 1100000 bytes, 1048576 are allowed"))
        #expect(cell.description.utf8.count < 500)
        #expect(try CatalogReaderTests.products("sku,title\nA,\(long.prefix(1_048_576))\n").count == 1)

        let row = try #require(
            CatalogErrorTests.error("sku,title\nA,\(String(repeating: "y,", count: 4 << 20))\n".utf8))
        #expect(row.code == .malformed)
        #expect(row.description.contains("longer than 8388608 bytes"))
        let open = try #require(
            CatalogErrorTests.error("sku,title\nA,\"\(String(repeating: "y\n", count: 5 << 20))".utf8))
        #expect(open.description.contains("row 2: the quote that opens field 2 is never closed"))

        let columns = "sku,title" + (0..<1_999).map { ",c\($0)" }.joined()
        #expect(try #require(CatalogErrorTests.error("\(columns)\n".utf8)).description.contains("2001 columns, 2000"))
        let sku = try #require(CatalogErrorTests.error("sku,title\n\(String(repeating: "s", count: 201)),x\n".utf8))
        #expect(sku.description.contains("201 bytes"))
    }

    @Test func filesThatAreNotThereAreNamed() throws {
        let folder = try TemporaryFolder()
        for path in ["\(folder.path)/nowhere.csv", folder.path] {
            let error = #expect(throws: CatalogError.self) { try CatalogReader(path: path) }
            #expect(error?.code == .unreadable)
            #expect(error?.description.contains(path) == true)
        }
    }

    /// Bytes of every kind in any order: an error or products, never a trap.
    @Test(arguments: 0..<6)
    func noiseNeverDoesHarm(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let signs: [UInt8] = Array("\",;\t\r\n A\0".utf8) + [0xC2, 0x85, 0xFF, 0xE2]
        let limits = CatalogLimits(rowBytes: 64, cellBytes: 8, columns: 5, problems: 4)
        for _ in 0..<300 {
            let noise = (0..<Int.random(in: 0...90, using: &random)).map { _ in signs.randomElement(using: &random) ?? 0
            }
            let header = Int.random(in: 0..<5, using: &random) == 0 ? "" : "sku,title\n"
            let error = CatalogErrorTests.error(Array(header.utf8) + noise, limits: limits)
            #expect(error.map { !$0.problems.isEmpty } ?? true)
        }
    }
}
