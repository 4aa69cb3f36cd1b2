internal import CPNGShim

/// Reads PNG files from memory.
public enum PNGDecoder {
    /// A PNG file's pixels and texts.
    public struct Decoded: Hashable, Sendable {
        /// RGB, or RGBA when the file has transparency.
        public let bitmap: Bitmap
        /// All text chunks, in file order.
        public let text: [PNGText]

        /// The text under a keyword; the first, if there are several.
        public func text(_ keyword: String) -> String? {
            text.first { $0.keyword == keyword }?.text
        }
    }

    /// Decodes a PNG of any kind: grey, palette and 16-bit pixels become 8-bit RGB or RGBA, interlaced ones are woven.
    ///
    /// Bytes are taken as sRGB: gamma and colour profile chunks are not applied. Bytes after the end chunk are ignored.
    /// - Throws: ``PNGError``: `.notPNG`; `.limitExceeded` before anything of that size is allocated; `.damaged` when the
    ///   file is cut off, a checksum or the compressed data is wrong, or a text cannot be read; `.outOfMemory`.
    public static func decode(_ bytes: [UInt8], limits: PNGLimits = .standard) throws(PNGError) -> Decoded {
        let result: Result<Decoded, PNGError> = bytes.withUnsafeBytes { bytes in
            do throws(PNGError) {
                return .success(try decode(bytes, limits: limits))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer, limits: PNGLimits) throws(PNGError) -> Decoded {
        try PNGStructure.check(bytes, limits: limits)
        let reader = try Reader(bytes, limits: limits)
        let header = reader.header
        guard let format = Bitmap.Format(rawValue: Int(header.channels)) else {
            throw PNGError(.damaged, "libpng gave \(header.channels) channels, 3 or 4 were asked for")
        }
        // The header libpng read is the one that was checked against the limits.
        let pixels = try reader.pixels(byteCount: Int(header.width) * Int(header.height) * format.channels)
        let bitmap = try Bitmap(width: Int(header.width), height: Int(header.height), format: format, pixels: pixels)
        return Decoded(bitmap: bitmap, text: try reader.texts())
    }

    /// Owns a C reader.
    private struct Reader: ~Copyable {
        let handle: OpaquePointer
        let header: packshot_png_header

        init(_ bytes: UnsafeRawBufferPointer, limits: PNGLimits) throws(PNGError) {
            var header = packshot_png_header()
            var error = [CChar](repeating: 0, count: Int(PACKSHOT_PNG_ERROR_SIZE))
            let handle = packshot_png_reader_open(
                bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, limits.chunkBytes,
                UInt32(clamping: limits.textChunkCount), &header, &error)
            guard let handle else {
                throw PNGError(.damaged, "the PNG is damaged: \(PNGEncoder.message(error))")
            }
            self.handle = handle
            self.header = header
        }

        deinit {
            packshot_png_reader_close(handle)
        }

        func pixels(byteCount: Int) throws(PNGError) -> [UInt8] {
            var pixels = [UInt8](repeating: 0, count: byteCount)
            var error = [CChar](repeating: 0, count: Int(PACKSHOT_PNG_ERROR_SIZE))
            guard packshot_png_reader_read(handle, &pixels, &error) == 0 else {
                throw PNGError(.damaged, "the PNG is damaged: \(PNGEncoder.message(error))")
            }
            return pixels
        }

        func texts() throws(PNGError) -> [PNGText] {
            var texts: [PNGText] = []
            for index in 0..<packshot_png_reader_text_count(handle) {
                let chunk = packshot_png_reader_text(handle, index)
                let isInternational = chunk.international != 0
                var keywordLength = 0
                while chunk.keyword[keywordLength] != 0 { keywordLength += 1 }
                let keyword = latin1(UnsafeRawBufferPointer(start: chunk.keyword, count: keywordLength))
                let bytes = UnsafeRawBufferPointer(start: chunk.text, count: chunk.length)
                guard let text = isInternational ? String(validating: bytes, as: UTF8.self) : latin1(bytes) else {
                    throw PNGError(.damaged, "the PNG is damaged: the text of \"\(keyword)\" is not UTF-8")
                }
                texts.append(PNGText(keyword: keyword, text: text, isInternational: isInternational))
            }
            return texts
        }

        private func latin1(_ bytes: UnsafeRawBufferPointer) -> String {
            var text = String.UnicodeScalarView()
            for byte in bytes { text.append(Unicode.Scalar(byte)) }
            return String(text)
        }
    }
}
