/// One picture of many: thumbnails in a grid with a caption under each, to look over a batch at a glance.
///
/// Images are added one by one and not kept, so a sheet of thousands takes the memory of the sheet and of one image.
public struct ContactSheet {
    /// An sRGB colour.
    public struct Color: Hashable, Sendable {
        /// Red, green and blue, 0 to 255.
        public var red, green, blue: UInt8

        /// A colour as written in CSS: `0xRRGGBB`. Higher bits are ignored.
        public init(_ hex: UInt32) {
            red = UInt8(truncatingIfNeeded: hex >> 16)
            green = UInt8(truncatingIfNeeded: hex >> 8)
            blue = UInt8(truncatingIfNeeded: hex)
        }
    }

    /// What a sheet looks like. Lengths are pixels, at least 0 unless said otherwise.
    public struct Style: Hashable, Sendable {
        /// Most thumbnails in a row, at least 1.
        public var columns = 6
        /// The box a thumbnail is fitted into, at least 1x1.
        public var thumbnailWidth = 256
        /// See ``thumbnailWidth``.
        public var thumbnailHeight = 256
        /// Space around and between the cells.
        public var margin = 16
        /// Lines of caption reserved under every thumbnail; further lines of a caption are not drawn.
        public var captionLines = 2
        /// Size of the captions' pixels: 1 gives letters 7 pixels high. At least 1.
        public var captionScale = 2
        /// A heading over the sheet, drawn half as large again; empty for none.
        public var title = ""
        /// Behind everything, and behind transparent images.
        public var background = Color(0xF1F1EE)
        /// The heading and the first line of captions.
        public var text = Color(0x1E1E1E)
        /// The other lines of captions.
        public var secondaryText = Color(0x6E6E6A)

        /// The standard look: six columns of 256x256 on light grey.
        public init() {}
    }

    /// The sheet so far: RGB.
    public private(set) var bitmap: Bitmap
    /// Thumbnails there is room for.
    public let capacity: Int
    /// Thumbnails added.
    public private(set) var count = 0

    private let style: Style
    private let columns: Int
    private let lineHeight: Int
    private let titleScale: Int
    private let gridTop: Int

    /// An empty sheet.
    /// - Parameters:
    ///   - capacity: Thumbnails to make room for, at least 1.
    ///   - style: What it looks like.
    /// - Throws: ``PNGError`` `.limitExceeded` when the sheet would have more than 64 Mi pixels, `.invalidImage` when a
    ///   number of the style is out of range.
    public init(capacity: Int, style: Style = Style()) throws(PNGError) {
        let lengths = [style.thumbnailWidth, style.thumbnailHeight, style.margin, style.captionLines]
        guard capacity >= 1, style.columns >= 1, style.thumbnailWidth >= 1, style.thumbnailHeight >= 1,
            (1...100).contains(style.captionScale), lengths.allSatisfy({ (0...100_000).contains($0) }),
            capacity <= 10_000_000
        else {
            throw PNGError(.invalidImage, "a contact sheet needs a column, a thumbnail size and room for an image")
        }
        self.capacity = capacity
        self.style = style
        columns = min(style.columns, capacity)
        lineHeight = (CaptionFont.height + 2) * style.captionScale
        titleScale = (style.captionScale * 3 + 1) / 2
        gridTop = style.margin + (style.title.isEmpty ? 0 : CaptionFont.height * titleScale + style.margin)
        let rows = (capacity + columns - 1) / columns
        let cellHeight = ContactSheet.cellHeight(style: style, lineHeight: lineHeight)
        let width = style.margin + columns * (style.thumbnailWidth + style.margin)
        let height = gridTop + rows * (cellHeight + style.margin)
        guard width <= 1_000_000, height <= 1_000_000, width * height <= PNGLimits.standard.pixelCount else {
            throw PNGError(
                .limitExceeded,
                "a contact sheet of \(capacity) images would be \(width)x\(height) pixels: make the thumbnails smaller "
                    + "or split it")
        }
        let background = style.background
        bitmap = try Bitmap(
            width: width, height: height, format: .rgb8,
            filledWith: [background.red, background.green, background.blue])
        if !style.title.isEmpty {
            draw(
                style.title, x: style.margin, y: style.margin, maxWidth: width - 2 * style.margin,
                scale: titleScale, color: style.text)
        }
    }

    /// A text for a caption that must tell two images apart: what cannot be drawn is written as code points, such as `u+676F`.
    public static func legible(_ text: String) -> String { CaptionFont.legible(text) }

    /// Puts an image into the next cell, centred, with a caption under it.
    ///
    /// The image is enlarged by whole numbers or reduced by averaging, its proportions kept. Caption lines that do not
    /// fit end in `...`; letters outside ASCII lose their accents or become `?`; a line with hardly any others is left out.
    /// - Precondition: ``count`` is below ``capacity``.
    public mutating func add(_ image: Bitmap, caption: String) {
        precondition(count < capacity, "the contact sheet is full")
        let cellHeight = ContactSheet.cellHeight(style: style, lineHeight: lineHeight)
        let left = style.margin + count % columns * (style.thumbnailWidth + style.margin)
        let top = gridTop + count / columns * (cellHeight + style.margin)
        count += 1

        let thumbnail = Thumbnail(of: image, boxWidth: style.thumbnailWidth, boxHeight: style.thumbnailHeight)
        let pixels = thumbnail.render(image, over: style.background)
        let x = left + (style.thumbnailWidth - thumbnail.width) / 2
        let y = top + (style.thumbnailHeight - thumbnail.height) / 2
        let sheetWidth = bitmap.width
        bitmap.withPixels { sheet in
            for row in 0..<thumbnail.height {
                let target = ((y + row) * sheetWidth + x) * 3
                let source = row * thumbnail.width * 3
                for index in 0..<(thumbnail.width * 3) { sheet[target + index] = pixels[source + index] }
            }
        }
        let drawable = { (line: Substring) in !CaptionFont.foldToASCII(String(line.prefix(200))).isEmpty }
        let lines = caption.split(whereSeparator: \.isNewline).filter(drawable).prefix(style.captionLines)
        for (number, line) in lines.enumerated() {
            draw(
                String(line), x: left, y: top + style.thumbnailHeight + style.captionScale * 4 + number * lineHeight,
                maxWidth: style.thumbnailWidth, scale: style.captionScale,
                color: number == 0 ? style.text : style.secondaryText)
        }
    }

    private static func cellHeight(style: Style, lineHeight: Int) -> Int {
        style.thumbnailHeight + (style.captionLines == 0 ? 0 : style.captionScale * 4 + style.captionLines * lineHeight)
    }

    /// Draws a line of text, cut to a width in pixels.
    private mutating func draw(_ text: String, x: Int, y: Int, maxWidth: Int, scale: Int, color: Color) {
        // A glyph is at least a pixel wide, so no more characters than this can matter, however long the text.
        var characters = CaptionFont.foldToASCII(String(text.prefix(maxWidth + 1)))
        if CaptionFont.width(of: characters) * scale > maxWidth {
            let ellipsis = Array("...".utf8)
            let room = maxWidth / scale - CaptionFont.width(of: ellipsis) - 1
            var width = -1
            let kept = characters.prefix {
                width += CaptionFont.glyph($0).width + 1
                return width <= room
            }
            characters = kept.reversed().drop { $0 == 32 }.reversed() + ellipsis
            // A box narrower than the ellipsis takes no text at all.
            if CaptionFont.width(of: characters) * scale > maxWidth { return }
        }
        let sheetWidth = bitmap.width
        bitmap.withPixels { sheet in
            var left = x
            for character in characters {
                let glyph = CaptionFont.glyph(character)
                for (row, bits) in glyph.rows.enumerated() {
                    for column in 0..<glyph.width where bits >> (glyph.width - 1 - column) & 1 == 1 {
                        for dot in 0..<(scale * scale) {
                            let dotX = left + column * scale + dot % scale
                            let dotY = y + row * scale + dot / scale
                            let start = (dotY * sheetWidth + dotX) * 3
                            sheet[start] = color.red
                            sheet[start + 1] = color.green
                            sheet[start + 2] = color.blue
                        }
                    }
                }
                left += (glyph.width + 1) * scale
            }
        }
    }
}
