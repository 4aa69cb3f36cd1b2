/// Splits a file into records and fields by RFC 4180: fields may be quoted, quoted fields may hold delimiters, line breaks
/// and doubled quotes. Records end with CRLF, LF or CR.
///
/// Strict where a mistake would shift data (a quote that is never closed, text after a closing quote), lenient in one
/// place RFC 4180 leaves undefined: a quote inside an unquoted field is a character like any other (`27" monitor`).
/// One record is in memory at a time. Not thread-safe.
final class DelimitedRecords {
    /// A field of the current record: a range of the buffer, quotes stripped.
    private struct Field {
        let start: Int
        let end: Int
        /// Doubled quotes are still inside.
        let hasDoubledQuotes: Bool
    }

    private static let quote = UInt8(ascii: "\"")
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")

    /// Separates fields.
    private(set) var delimiter: UInt8
    /// Takes text behind a closing quote for part of the field, while the right delimiter is not known.
    private var isGuessing = true
    /// Number of the current record, the first being 1.
    private(set) var row = 0
    /// Line of the file on which the current record begins, the first being 1.
    private(set) var line = 0

    private let file: TextFile
    private let rowLimit: Int
    private var buffer: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var recordStart = 0
    private var nextStart = 0
    private var nextLine = 1
    private var isAtEnd = false
    private var fields: [Field] = []
    private var scratch: [UInt8] = []

    /// Reads a file from its beginning.
    /// - Parameter rowLimit: Largest record in bytes.
    init(file: TextFile, delimiter: UInt8, rowLimit: Int) {
        self.file = file
        self.delimiter = delimiter
        self.rowLimit = rowLimit
        buffer = .allocate(byteCount: 1 << 18, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    /// Number of fields of the current record.
    var fieldCount: Int { fields.count }

    /// True when the current record has no characters but delimiters and quotes.
    var isBlank: Bool { fields.allSatisfy { $0.start == $0.end } }

    /// Bytes of a field of the current record, doubled quotes counted twice.
    func size(ofField index: Int) -> Int { fields[index].end - fields[index].start }

    /// Goes to the next record.
    /// - Returns: False at the end of the file.
    /// - Throws: ``CatalogError`` `.malformed`, `.unreadable`, `.encoding`.
    func next() throws(CatalogError) -> Bool {
        recordStart = nextStart
        line = nextLine
        guard try parseToTheEnd() else { return false }
        // The buffer may be larger than the limit.
        if nextStart - recordStart > rowLimit { throw tooLong }
        row += 1
        return true
    }

    /// Splits the current record again, as if `delimiter` separated its fields.
    /// - Parameter isGuess: True to try whether it does; false to settle it for the rest of the file.
    /// - Throws: What ``next()`` throws.
    func split(with delimiter: UInt8, isGuess: Bool) throws(CatalogError) {
        self.delimiter = delimiter
        isGuessing = isGuess
        row -= 1
        _ = try parseToTheEnd()
        row += 1
    }

    private func parseToTheEnd() throws(CatalogError) -> Bool {
        while try !parse() {
            if isAtEnd { return false }
            try readMore()
        }
        return true
    }

    /// Calls `body` with the bytes of a field of the current record, quotes resolved. They are valid during the call.
    func withField<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let field = fields[index]
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[field.start..<field.end])
        guard field.hasDoubledQuotes else { return body(bytes) }
        scratch.removeAll(keepingCapacity: true)
        var isSecondQuote = false
        for byte in bytes {
            if byte == DelimitedRecords.quote, isSecondQuote {
                isSecondQuote = false
                continue
            }
            isSecondQuote = byte == DelimitedRecords.quote
            scratch.append(byte)
        }
        return scratch.withUnsafeBytes(body)
    }

    // MARK: Parsing

    /// Splits the record at `recordStart`.
    /// - Returns: False when its end is not in the buffer yet, or there is no record.
    private func parse() throws(CatalogError) -> Bool {
        // Copies, because the loop is hot and class properties are checked for exclusive access at every use.
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
        let delimiter = delimiter
        fields.removeAll(keepingCapacity: true)
        var position = recordStart
        var lines = 0
        guard position < bytes.count else { return false }
        while true {
            if position < bytes.count, bytes[position] == DelimitedRecords.quote {
                guard let field = try parseQuoted(bytes, at: &position, lines: &lines) else { return false }
                fields.append(field)
                // A wrong guess shows as text behind a closing quote; the record goes on, to be compared.
                while isGuessing, position < bytes.count, !endsField(bytes[position], delimiter) { position += 1 }
            } else {
                let start = position
                while position < bytes.count, !endsField(bytes[position], delimiter) { position += 1 }
                fields.append(Field(start: start, end: position, hasDoubledQuotes: false))
            }
            guard position < bytes.count else {
                if isAtEnd { break }
                return false
            }
            let separator = bytes[position]
            position += 1
            if separator == delimiter {
                // A delimiter as the very last byte still begins a field, an empty one.
                if position == bytes.count, !isAtEnd { return false }
                continue
            }
            if separator == DelimitedRecords.carriageReturn {
                if position == bytes.count, !isAtEnd { return false }
                if position < bytes.count, bytes[position] == DelimitedRecords.lineFeed { position += 1 }
            } else if separator != DelimitedRecords.lineFeed {
                throw malformed(
                    "field \(fields.count): text follows a closing quote; double the quotes inside a quoted field",
                    line: line + lines)
            }
            lines += 1
            break
        }
        nextStart = position
        nextLine = line + lines
        return true
    }

    /// The quoted field at `position`, which then is behind its closing quote; nil when that is not in the buffer yet.
    private func parseQuoted(
        _ bytes: UnsafeRawBufferPointer, at position: inout Int, lines: inout Int
    ) throws(CatalogError) -> Field? {
        let openingLine = line + lines
        let start = position + 1
        var end = start
        var hasDoubledQuotes = false
        while end < bytes.count {
            let byte = bytes[end]
            if byte == DelimitedRecords.quote {
                if end + 1 == bytes.count, !isAtEnd { return nil }
                guard end + 1 < bytes.count, bytes[end + 1] == DelimitedRecords.quote else {
                    position = end + 1
                    return Field(start: start, end: end, hasDoubledQuotes: hasDoubledQuotes)
                }
                hasDoubledQuotes = true
                end += 1
            } else if byte == DelimitedRecords.lineFeed {
                lines += 1
            } else if byte == DelimitedRecords.carriageReturn {
                if end + 1 == bytes.count, !isAtEnd { return nil }
                if end + 1 == bytes.count || bytes[end + 1] != DelimitedRecords.lineFeed { lines += 1 }
            }
            end += 1
        }
        if isAtEnd || bytes.count - recordStart >= rowLimit {
            throw malformed("the quote that opens field \(fields.count + 1) is never closed", line: openingLine)
        }
        return nil
    }

    private func endsField(_ byte: UInt8, _ delimiter: UInt8) -> Bool {
        byte == delimiter || byte == DelimitedRecords.lineFeed || byte == DelimitedRecords.carriageReturn
    }

    private func malformed(_ message: String, line: Int) -> CatalogError {
        CatalogError(
            .malformed, file: file.path,
            problems: [CatalogError.Problem(row: row + 1, line: line, message: message)], isIncomplete: false)
    }

    private var tooLong: CatalogError {
        malformed("is longer than \(rowLimit) bytes; is a quote not closed, or the file not a table?", line: line)
    }

    // MARK: Buffer

    /// Brings more of the file behind the current record, which moves to the front.
    private func readMore() throws(CatalogError) {
        if recordStart > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[recordStart..<filled]))
            filled -= recordStart
            recordStart = 0
        }
        if filled >= rowLimit { throw tooLong }
        if buffer.count - filled < 4 {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
            buffer.deallocate()
            buffer = larger
        }
        // To the brim, so that a long record is parsed again only when the buffer has doubled.
        while !isAtEnd, buffer.count - filled >= 4 {
            let count = try file.next(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            filled += count
            isAtEnd = count == 0
        }
    }
}
