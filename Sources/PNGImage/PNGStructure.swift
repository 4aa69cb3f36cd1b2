/// The chunks of a PNG file, walked before libpng sees a byte.
///
/// It answers the cheap questions first (is it a PNG, is it whole, how much does it ask for), and its errors name the
/// chunk and its place, which libpng's do not. It leaves checksums and contents to libpng.
struct PNGStructure {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Checks that the bytes are a whole PNG within limits.
    /// - Throws: ``PNGError`` `.notPNG`, `.damaged`, `.limitExceeded`.
    static func check(_ bytes: UnsafeRawBufferPointer, limits: PNGLimits) throws(PNGError) {
        guard bytes.count >= signature.count, zip(bytes, signature).allSatisfy({ $0 == $1 }) else {
            throw PNGError(.notPNG, "not a PNG file: it does not begin with the PNG signature")
        }
        var position = signature.count
        var textCount = 0
        var isFirst = true
        while true {
            guard bytes.count - position >= 12 else {
                throw PNGError(
                    .damaged, "the PNG is cut off: byte \(position) should begin a chunk, the file has \(bytes.count)")
            }
            let length = Int(bigEndian(bytes, position))
            let type = bytes[(position + 4)..<(position + 8)]
            guard type.allSatisfy({ (65...90).contains($0 & 0xDF) }) else {
                throw PNGError(.damaged, "the PNG is damaged: no chunk begins at byte \(position)")
            }
            let name = String(decoding: type, as: UTF8.self)
            guard length <= bytes.count - position - 12 else {
                throw PNGError(
                    .damaged,
                    "the PNG is cut off: chunk \(name) at byte \(position) is \(length) bytes long, "
                        + "\(bytes.count - position - 12) remain")
            }
            if isFirst {
                guard name == "IHDR", length == 13 else {
                    throw PNGError(.damaged, "the PNG is damaged: it does not begin with a header chunk")
                }
                try checkSize(
                    width: Int(bigEndian(bytes, position + 8)), height: Int(bigEndian(bytes, position + 12)),
                    limits: limits)
                isFirst = false
            }
            if name != "IDAT", length > limits.chunkBytes {
                throw PNGError(
                    .limitExceeded,
                    "chunk \(name) at byte \(position) is \(length) bytes long, \(limits.chunkBytes) are allowed")
            }
            if ["tEXt", "zTXt", "iTXt"].contains(name) {
                textCount += 1
                guard textCount <= limits.textChunkCount else {
                    throw PNGError(
                        .limitExceeded, "the PNG has more than the \(limits.textChunkCount) text chunks allowed")
                }
            }
            if name == "IEND" { return }
            position += length + 12
        }
    }

    private static func checkSize(width: Int, height: Int, limits: PNGLimits) throws(PNGError) {
        let sides = 1...1_000_000
        guard sides.contains(width), sides.contains(height) else {
            throw PNGError(
                .limitExceeded, "the PNG says it is \(width)x\(height) pixels: each side must be 1 to 1000000")
        }
        guard width * height <= limits.pixelCount else {
            throw PNGError(
                .limitExceeded,
                "the PNG is \(width)x\(height) = \(width * height) pixels, \(limits.pixelCount) are allowed")
        }
    }

    private static func bigEndian(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }
}
