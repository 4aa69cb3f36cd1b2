import Testing

/// A second opinion on PNG files: a reader of chunks that shares nothing with the code under test.
struct PNGChunks {
    struct Chunk: Equatable {
        let type: String
        let data: [UInt8]
    }

    let chunks: [Chunk]

    /// Reads all chunks and checks every CRC-32 (ISO 3309, as PNG's annex D describes it), up to and including IEND.
    init(_ file: [UInt8]) throws {
        try #require(Array(file.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        var chunks: [Chunk] = []
        var position = 8
        while position < file.count {
            let length = PNGChunks.number(file, position)
            try #require(position + 12 + length <= file.count)
            let body = Array(file[(position + 4)..<(position + 8 + length)])
            try #require(PNGChunks.number(file, position + 8 + length) == Int(PNGChunks.crc(body)))
            chunks.append(
                Chunk(type: String(decoding: body.prefix(4), as: UTF8.self), data: Array(body.dropFirst(4))))
            position += 12 + length
        }
        self.chunks = chunks
    }

    static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }

    static func bigEndian(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func number(_ bytes: [UInt8], _ position: Int) -> Int {
        bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
    }

    /// A file of chunks, with right checksums.
    static func file(_ chunks: [Chunk]) -> [UInt8] {
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        for chunk in chunks {
            let body = Array(chunk.type.utf8) + chunk.data
            file += bigEndian(chunk.data.count) + body + bigEndian(Int(crc(body)))
        }
        return file
    }
}
