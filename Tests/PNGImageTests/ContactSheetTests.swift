import PNGImage
import Testing

@Suite("Contact sheet")
struct ContactSheetTests {
    static let background = ContactSheet.Color(0x102030)

    /// Boxes of 40x20, margin 5, one caption line at scale 1: cells of 40x35 (20 + 4 + 11), no heading.
    static func style(columns: Int = 2) -> ContactSheet.Style {
        var style = ContactSheet.Style()
        style.columns = columns
        style.thumbnailWidth = 40
        style.thumbnailHeight = 20
        style.margin = 5
        style.captionLines = 1
        style.captionScale = 1
        style.background = background
        style.text = ContactSheet.Color(0xFFFFFF)
        return style
    }

    static func pixel(_ bitmap: Bitmap, _ x: Int, _ y: Int) -> [UInt8] {
        Array(bitmap.pixels[((y * bitmap.width + x) * 3)..<((y * bitmap.width + x) * 3 + 3)])
    }

    /// The columns and rows of a region that are not background.
    static func ink(_ bitmap: Bitmap, x: Range<Int>, y: Range<Int>) -> [[Bool]] {
        y.map { row in x.map { pixel(bitmap, $0, row) != [0x10, 0x20, 0x30] } }
    }

    @Test func cellsStandWhereTheStyleSays() throws {
        var sheet = try ContactSheet(capacity: 3, style: ContactSheetTests.style())
        #expect(sheet.bitmap.width == 5 + 2 * 45)
        #expect(sheet.bitmap.height == 5 + 2 * 40)
        for color in [[255, 0, 0], [0, 255, 0], [0, 0, 255]] as [[UInt8]] {
            sheet.add(try Bitmap(width: 40, height: 20, format: .rgb8, filledWith: color), caption: "")
        }
        #expect(sheet.count == 3)
        let bitmap = sheet.bitmap
        for (left, top, color) in [(5, 5, [255, 0, 0]), (50, 5, [0, 255, 0]), (5, 45, [0, 0, 255])]
            as [(Int, Int, [UInt8])]
        {
            for (x, y) in [(0, 0), (39, 0), (0, 19), (39, 19), (20, 10)] {
                #expect(ContactSheetTests.pixel(bitmap, left + x, top + y) == color)
            }
            for (x, y) in [(-1, 0), (40, 0), (0, -1), (0, 20)] {
                #expect(ContactSheetTests.pixel(bitmap, left + x, top + y) == [0x10, 0x20, 0x30])
            }
        }
    }

    @Test func smallImagesGrowByWholeNumbersAndAreCentred() throws {
        var sheet = try ContactSheet(capacity: 1, style: ContactSheetTests.style())
        // 9 rows fit twice into 20, so each pixel becomes 2x2, in the middle of the box.
        let image = try Bitmap(
            width: 2, height: 9, format: .rgb8, pixels: (0..<54).map { UInt8($0) })
        sheet.add(image, caption: "")
        for row in 0..<18 {
            for column in 0..<4 {
                let source = ((row / 2) * 2 + column / 2) * 3
                #expect(
                    ContactSheetTests.pixel(sheet.bitmap, 5 + 18 + column, 5 + 1 + row)
                        == (0..<3).map { UInt8(source + $0) })
            }
        }
        #expect(ContactSheetTests.pixel(sheet.bitmap, 5 + 17, 10) == [0x10, 0x20, 0x30])
        #expect(ContactSheetTests.pixel(sheet.bitmap, 5 + 22, 10) == [0x10, 0x20, 0x30])
    }

    @Test func largeImagesShrinkByAveraging() throws {
        // 60x30 into 40x20: every result covers 1.5 columns, which alternate 0 and 120: the first takes all of a 0 and
        // half of a 120, the second the other half and all of a 0, the third all of a 120 and half of a 0.
        let pixels = (0..<(60 * 30)).flatMap { index in [UInt8](repeating: index % 2 == 0 ? 0 : 120, count: 3) }
        var sheet = try ContactSheet(capacity: 1, style: ContactSheetTests.style())
        sheet.add(try Bitmap(width: 60, height: 30, format: .rgb8, pixels: pixels), caption: "")
        let row = (0..<4).map { ContactSheetTests.pixel(sheet.bitmap, 5 + $0, 12)[0] }
        #expect(row == [40, 40, 80, 80])
        // Wide pictures touch the sides, tall ones top and bottom.
        var wide = try ContactSheet(capacity: 1, style: ContactSheetTests.style())
        wide.add(try Bitmap(width: 400, height: 10, format: .rgb8, filledWith: [9, 9, 9]), caption: "")
        let ink = ContactSheetTests.ink(wide.bitmap, x: 5..<45, y: 5..<25)
        #expect(ink.filter { $0.contains(true) }.count == 1)
        #expect(ink.first { $0.contains(true) }?.allSatisfy { $0 } == true)
    }

    @Test func transparencyShowsTheBackground() throws {
        var sheet = try ContactSheet(capacity: 2, style: ContactSheetTests.style())
        sheet.add(try Bitmap(width: 40, height: 20, format: .rgba8, filledWith: [255, 255, 255, 0]), caption: "")
        sheet.add(try Bitmap(width: 40, height: 20, format: .rgba8, filledWith: [255, 255, 255, 128]), caption: "")
        #expect(ContactSheetTests.pixel(sheet.bitmap, 20, 10) == [0x10, 0x20, 0x30])
        #expect(ContactSheetTests.pixel(sheet.bitmap, 70, 10) == [136, 144, 152])
    }

    /// The ink of a caption under the first thumbnail.
    static func caption(_ text: String) throws -> [[Bool]] {
        var sheet = try ContactSheet(capacity: 1, style: style())
        sheet.add(try Bitmap(width: 40, height: 20, format: .rgb8, filledWith: [1, 1, 1]), caption: text)
        return ink(sheet.bitmap, x: 0..<50, y: 29..<45)
    }

    @Test func captionsAreDrawn() throws {
        // The drawing of "LI" in the font: an L of five columns, a gap, an I of three.
        let drawn = try ContactSheetTests.caption("LI").prefix(7).map { row in
            row[5..<14].map { $0 ? "#" : "." }.joined()
        }
        #expect(
            drawn == [
                "#.....###", "#......#.", "#......#.", "#......#.", "#......#.", "#......#.", "#####.###",
            ])
    }

    @Test func lettersOutsideASCIIAreFolded() throws {
        #expect(try ContactSheetTests.caption("été") == ContactSheetTests.caption("ete"))
        #expect(try ContactSheetTests.caption("Größe") == ContactSheetTests.caption("Grosse"))
        #expect(try ContactSheetTests.caption("Mug 杯") == ContactSheetTests.caption("Mug ?"))
        // A line of nothing but question marks helps nobody: the next one takes its place.
        #expect(try ContactSheetTests.caption("赤い杯T\nMug") == ContactSheetTests.caption("Mug"))
        #expect(try ContactSheetTests.caption("e") != ContactSheetTests.caption("a"))
    }

    @Test func everyASCIICharacterHasItsOwnDrawing() throws {
        let drawings = try (33...126).map { try ContactSheetTests.caption(String(Unicode.Scalar(UInt8($0)))) }
        #expect(Set(drawings).count == 94)
    }

    @Test(arguments: ["A very long caption that cannot fit", String(repeating: "i", count: 1_000_000), "first\nsecond"])
    func captionsStayInTheirCell(text: String) throws {
        let ink = try ContactSheetTests.caption(text)
        #expect(ink.contains { $0.contains(true) })
        #expect(ink.allSatisfy { row in !row[..<5].contains(true) && !row[45...].contains(true) })
        #expect(ink.dropFirst(9).allSatisfy { !$0.contains(true) })
    }

    @Test func headingsMakeRoomForThemselves() throws {
        var style = ContactSheetTests.style(columns: 8)
        style.title = "Mugs"
        var sheet = try ContactSheet(capacity: 8, style: style)
        // 9 rows at scale 2, and a margin.
        #expect(sheet.bitmap.height == 5 + 18 + 5 + 40)
        let heading = sheet.bitmap
        sheet.add(try Bitmap(width: 40, height: 20, format: .rgb8, filledWith: [1, 1, 1]), caption: "")
        #expect(ContactSheetTests.pixel(sheet.bitmap, 5, 28) == [1, 1, 1])
        #expect(ContactSheetTests.ink(heading, x: 0..<100, y: 5..<23).contains { $0.contains(true) })
    }

    @Test func absurdSheetsAreRefused() {
        var style = ContactSheet.Style()
        style.thumbnailWidth = 0
        let noSize = #expect(throws: PNGError.self) { try ContactSheet(capacity: 1, style: style) }
        #expect(noSize?.code == .invalidImage)
        let tooMany = #expect(throws: PNGError.self) { try ContactSheet(capacity: 100_000) }
        #expect(tooMany?.code == .limitExceeded)
    }

    /// Captions of products tell them apart whatever they are written in.
    @Test(arguments: [
        ("MUG-01", "MUG-01"), ("Tasse Zoë", "Tasse Zoë"), ("杯-001", "u+676F-001"), ("컵-02", "u+CEF5-02"),
        ("☕-7", "u+2615-7"), ("كوب", "u+643u+648u+628"), ("a?b", "a?b"), ("e\u{301}", "e\u{301}"),
    ])
    func whatCannotBeDrawnIsItsCodePoint(text: String, legible: String) {
        #expect(ContactSheet.legible(text) == legible)
    }
}
