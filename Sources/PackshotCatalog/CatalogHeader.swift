/// Reads the first record of a catalog: finds out what separates fields, and what the columns are.
struct CatalogHeader {
    /// What separates fields.
    let delimiter: UInt8
    /// The named columns.
    let columns: CatalogColumns
    /// For each named column, its place in a record.
    let fields: [Int]
    /// Fields of every record, unnamed columns included.
    let fieldCount: Int

    private static let delimiters = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]

    /// Reads the header; the records are then at it.
    /// - Throws: ``CatalogError`` `.header`, and what reading throws.
    init(records: DelimitedRecords, file: String, dialect: CatalogDialect, limits: CatalogLimits) throws(CatalogError) {
        var found: Bool
        repeat { found = try records.next() } while found && records.isBlank
        guard found else { throw CatalogError(.header, file: file, "is empty: a header row and products are needed") }

        if let declared = CatalogHeader.declaredDelimiter(records) {
            // Excel's own first line, `sep=;`.
            guard try records.next() else {
                throw CatalogError(.header, file: file, "is empty: a header row and products are needed")
            }
            try records.split(with: declared, isGuess: false)
        } else {
            let detected = CatalogHeader.detectDelimiter(records, dialect: dialect)
            try records.split(with: detected, isGuess: false)
        }
        delimiter = records.delimiter
        fieldCount = records.fieldCount
        guard fieldCount <= limits.columns else {
            throw CatalogError(
                .header, file: file, "the header has \(fieldCount) columns, \(limits.columns) are allowed")
        }

        var names: [String] = []
        var fields: [Int] = []
        for field in 0..<fieldCount {
            if records.withField(field, { $0.contains(0) }) {
                throw CatalogError(
                    .encoding, file: file, "the header contains U+0000: save the file as UTF-8 (or UTF-16 with a mark)")
            }
            guard let name = records.withField(field, CellText.clean) else {
                throw CatalogError(
                    .encoding, file: file, "column \(field + 1) of the header is not UTF-8: save the file as UTF-8")
            }
            guard name.utf8.count <= 1_000 else {
                throw CatalogError(
                    .header, file: file, "column \(field + 1) of the header has a name of \(name.utf8.count) bytes")
            }
            guard !name.isEmpty else { continue }
            if let first = names.firstIndex(where: { $0.lowercased() == name.lowercased() }) {
                throw CatalogError(
                    .header, file: file,
                    "the header names two columns \(name.excerpt): columns \(fields[first] + 1) and \(field + 1)")
            }
            names.append(name)
            fields.append(field)
        }
        let places = dialect.columns(in: names)
        guard let sku = places.sku, let title = places.title else {
            let missing = [
                places.sku == nil ? dialect.skuNames.first : nil, places.title == nil ? dialect.titleNames.first : nil,
            ].compactMap(\.self)
            throw CatalogError(
                .header, file: file,
                "the header lacks \(missing.map { "\"\($0)\"" }.joined(separator: " and ")); it has: "
                    + CatalogHeader.list(names))
        }
        columns = CatalogColumns(names: names, sku: sku, title: title)
        self.fields = fields
    }

    /// Names for a message: the first forty.
    static func list(_ names: [String]) -> String {
        let shown = names.prefix(40).map { $0.count > 60 ? "\($0.prefix(60))…" : $0 }.joined(separator: ", ")
        return names.count > 40 ? "\(shown) and \(names.count - 40) more" : shown
    }

    private static func declaredDelimiter(_ records: DelimitedRecords) -> UInt8? {
        // With any delimiter but the declared one the line is one field; with the declared one it is two.
        let line = (0..<min(2, records.fieldCount)).map { records.withField($0) { Array($0) } }
        let text = line.count == 2 ? line[0] + [records.delimiter] + line[1] : line[0]
        guard text.count == 5, text.prefix(4).elementsEqual("sep=".utf8) else { return nil }
        return delimiters.contains(text[4]) ? text[4] : nil
    }

    /// The delimiter with which the header has what the dialect needs, else the one that makes most columns.
    private static func detectDelimiter(_ records: DelimitedRecords, dialect: CatalogDialect) -> UInt8 {
        var best = (delimiter: delimiters[0], score: 0)
        for delimiter in delimiters {
            // A delimiter that makes no sense of the header at all is not the one.
            guard (try? records.split(with: delimiter, isGuess: true)) != nil else { continue }
            let names = (0..<records.fieldCount).map { records.withField($0, CellText.clean) ?? "" }
            let places = dialect.columns(in: names)
            let score = (places.sku != nil && places.title != nil ? 1_000_000 : 0) + names.count
            if score > best.score { best = (delimiter, score) }
        }
        return best.delimiter
    }
}
