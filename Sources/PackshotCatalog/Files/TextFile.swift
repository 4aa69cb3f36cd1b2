internal import Digests
internal import Foundation

/// A text file read from front to back as UTF-8, whatever it is stored in: UTF-8 with or without byte order mark, or
/// UTF-16 with one. Its bytes as stored are hashed on the way.
///
/// Memory is one buffer, however long the file. Not thread-safe.
final class TextFile {
    private enum Encoding {
        case utf8
        case utf16(isBigEndian: Bool)
    }

    /// What to call it in messages.
    let path: String

    private let descriptor: Int32
    private var digest: SHA256Digest? = SHA256Digest()
    private var encoding: Encoding?
    private var raw = [UInt8](repeating: 0, count: 1 << 18)
    private var rawRange = 0..<0
    /// The first half of a surrogate pair whose second half has not come yet.
    private var highSurrogate: UInt32?
    private var isAtEnd = false

    /// Opens a file.
    /// - Parameter name: What to call it in messages; nil for its path.
    /// - Throws: ``CatalogError`` `.unreadable`.
    init(path: String, name: String? = nil) throws(CatalogError) {
        self.path = name ?? path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CatalogError(.unreadable, file: name ?? path, "cannot be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
    }

    /// Reads on.
    /// - Parameter buffer: At least 4 bytes.
    /// - Returns: Number of UTF-8 bytes written to the buffer, 0 only at the end of the file. UTF-8 files are passed on
    ///   unchecked.
    /// - Throws: ``CatalogError`` `.unreadable`, `.encoding` (UTF-16 that is cut off or has half a surrogate pair).
    func next(into buffer: UnsafeMutableRawBufferPointer) throws(CatalogError) -> Int {
        precondition(buffer.count >= 4, "a character must fit into the buffer")
        if encoding == nil { try detectEncoding() }
        while true {
            if rawRange.isEmpty || (rawRange.count == 1 && !isUTF8) { try fill() }
            let written: Int
            switch encoding ?? .utf8 {
            case .utf8:
                written = min(buffer.count, rawRange.count)
                raw.withUnsafeBytes { source in
                    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[rawRange.prefix(written)]))
                }
                rawRange = rawRange.dropFirst(written)
            case .utf16(let isBigEndian):
                written = try transcode(into: buffer, isBigEndian: isBigEndian)
            }
            if written > 0 { return written }
            if isAtEnd {
                guard rawRange.isEmpty, highSurrogate == nil else {
                    throw CatalogError(.encoding, file: path, "is cut off in the middle of a UTF-16 character")
                }
                return 0
            }
        }
    }

    /// Reads a small file whole.
    /// - Returns: UTF-8 bytes, unchecked; nil when there are more than `limit`.
    /// - Throws: What ``next(into:)`` throws.
    func readAll(limit: Int) throws(CatalogError) -> [UInt8]? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit + 4, alignment: 1)
        defer { buffer.deallocate() }
        var count = 0
        while count <= limit {
            let read = try next(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            if read == 0 { return Array(buffer[..<count]) }
            count += read
        }
        return nil
    }

    /// Reads the rest, if there is any, and gives the SHA-256 of the whole file as stored, 32 bytes. Call it once, last.
    /// - Throws: ``CatalogError`` `.unreadable`.
    func finishDigest() throws(CatalogError) -> [UInt8] {
        while !isAtEnd {
            rawRange = 0..<0
            try fill()
        }
        guard let finished = digest.take() else { preconditionFailure("the digest was already taken") }
        return finished.finish()
    }

    private var isUTF8: Bool {
        if case .utf16 = encoding { false } else { true }
    }

    private func detectEncoding() throws(CatalogError) {
        // A pipe may give its first bytes one by one.
        while rawRange.count < 3, !isAtEnd { try fill() }
        let start = raw[rawRange].prefix(3)
        if start.elementsEqual([0xEF, 0xBB, 0xBF]) {
            encoding = .utf8
            rawRange = rawRange.dropFirst(3)
        } else if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
            encoding = .utf16(isBigEndian: start.first == 0xFE)
            rawRange = rawRange.dropFirst(2)
        } else {
            encoding = .utf8
        }
    }

    /// Reads more after what is left, which is at most a few bytes.
    private func fill() throws(CatalogError) {
        let left = rawRange.count
        for (target, source) in rawRange.enumerated() { raw[target] = raw[source] }
        var count = 0
        repeat {
            count = raw.withUnsafeMutableBytes { bytes in
                read(descriptor, bytes.baseAddress?.advanced(by: left), bytes.count - left)
            }
        } while count < 0 && errno == EINTR
        guard count >= 0 else {
            throw CatalogError(.unreadable, file: path, "cannot be read: \(String(cString: strerror(errno)))")
        }
        raw.withUnsafeBytes { digest?.update(UnsafeRawBufferPointer(rebasing: $0[left..<(left + count)])) }
        rawRange = 0..<(left + count)
        isAtEnd = count == 0
    }

    private func transcode(
        into buffer: UnsafeMutableRawBufferPointer, isBigEndian: Bool
    ) throws(CatalogError) -> Int {
        var written = 0
        while rawRange.count >= 2, buffer.count - written >= 4 {
            let first = UInt32(raw[rawRange.lowerBound])
            let second = UInt32(raw[rawRange.lowerBound + 1])
            rawRange = rawRange.dropFirst(2)
            let unit = isBigEndian ? first << 8 | second : second << 8 | first
            let value: UInt32
            switch (unit, highSurrogate) {
            case (0xD800...0xDBFF, nil):
                highSurrogate = unit
                continue
            case (0xDC00...0xDFFF, let high?):
                value = 0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00)
                highSurrogate = nil
            case (_, nil):
                value = unit
            default:
                throw CatalogError(.encoding, file: path, "is not valid UTF-16: half a surrogate pair")
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw CatalogError(.encoding, file: path, "is not valid UTF-16: half a surrogate pair")
            }
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                buffer[written] = byte
                written += 1
            }
        }
        return written
    }
}
