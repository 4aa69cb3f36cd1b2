internal import Foundation

/// Reads the products of a CSV or TSV file one by one, and checks every row.
///
/// The file: RFC 4180 with `,`, `;` or tab (found by the header, or Excel's `sep=` line), UTF-8, or UTF-16 with a byte
/// order mark. A header row with `sku` and `title`, letter case ignored; the other columns are attributes. Rows without
/// any content and columns without a name are skipped.
///
/// Rows that cannot be used do not stop the reading: they are collected, so that a person can mend them in one go.
/// Memory is one row plus 30 to 60 bytes for each SKU. Not thread-safe.
package final class CatalogReader {
    /// What it is called in messages.
    package let path: String
    /// What separates fields: `,`, `;` or a tab.
    package let delimiter: Character
    /// The columns the file has.
    package let columns: CatalogColumns
    /// Products given so far.
    package private(set) var productCount = 0

    private let file: TextFile
    private let records: DelimitedRecords
    private let header: CatalogHeader
    private let limits: CatalogLimits
    private var rowsBySKU: [String: Int] = [:]
    private var problems: [CatalogError.Problem] = []
    private var isFinished = false

    /// Opens a catalog and reads its header.
    /// - Throws: ``CatalogError`` `.unreadable`, `.encoding`, `.malformed`, `.header`.
    package init(
        path: String, name: String? = nil, dialect: CatalogDialect = .generic, limits: CatalogLimits = .standard
    ) throws(CatalogError) {
        self.path = name ?? path
        self.limits = limits
        file = try TextFile(path: path, name: name)
        records = DelimitedRecords(file: file, delimiter: UInt8(ascii: ","), rowLimit: limits.rowBytes)
        header = try CatalogHeader(records: records, file: self.path, dialect: dialect, limits: limits)
        columns = header.columns
        delimiter = Character(Unicode.Scalar(header.delimiter))
    }

    /// The next product that can be used.
    /// - Returns: nil at the end of the file, if every row could be used.
    /// - Throws: ``CatalogError`` `.rows` with all problems at the end of the file, or earlier when there are more than
    ///   ``CatalogLimits/problems``; `.malformed`, `.encoding` and `.unreadable` where the file cannot be read on,
    ///   with the problems before that place.
    package func next() throws(CatalogError) -> Product? {
        while true {
            var found = false
            do throws(CatalogError) {
                found = try records.next()
            } catch {
                throw CatalogError(error.code, file: path, problems: problems + error.problems)
            }
            guard found else {
                try finish()
                if productCount == 0 { throw CatalogError(.rows, file: path, "is empty: a header, but no products") }
                return nil
            }
            if records.isBlank { continue }
            if let product = try product() {
                productCount += 1
                return product
            }
        }
    }

    /// Adds a problem that somebody else found with a product, to be reported with the reader's own.
    /// - Throws: ``CatalogError`` `.rows` when that makes too many.
    package func report(row: Int, column: String? = nil, _ message: String) throws(CatalogError) {
        try report(CatalogError.Problem(row: row, column: column, message: message))
    }

    /// Ends the reading before the end of the file.
    /// - Throws: ``CatalogError`` `.rows` when rows read so far could not be used.
    package func finish() throws(CatalogError) {
        isFinished = true
        if !problems.isEmpty { throw CatalogError(.rows, file: path, problems: problems) }
    }

    /// The SHA-256 of the file's bytes as stored, 32 bytes. Call it last, once; it reads the rest of the file.
    /// - Throws: ``CatalogError`` `.unreadable`.
    package func finishDigest() throws(CatalogError) -> [UInt8] {
        isFinished = true
        return try file.finishDigest()
    }

    // MARK: Rows

    /// The current record as a product, or nil after reporting what is wrong with it.
    private func product() throws(CatalogError) -> Product? {
        guard records.fieldCount == header.fieldCount else {
            try report(
                nil,
                "has \(records.fieldCount) fields, the header has \(header.fieldCount)"
                    + (records.fieldCount > header.fieldCount ? "; is a delimiter not quoted?" : ""))
            return nil
        }
        var values: [String] = []
        values.reserveCapacity(columns.names.count)
        for (column, field) in header.fields.enumerated() {
            let size = records.size(ofField: field)
            guard size <= limits.cellBytes else {
                try report(columns.names[column], "has \(size) bytes, \(limits.cellBytes) are allowed")
                return nil
            }
            guard let text = records.withField(field, CellText.clean) else {
                try report(columns.names[column], "is not UTF-8: save the file as UTF-8")
                return nil
            }
            values.append(text)
        }
        guard try checkTitle(&values), try checkSKU(&values) else { return nil }
        return Product(row: records.row, columns: columns, values: values)
    }

    private func checkTitle(_ values: inout [String]) throws(CatalogError) -> Bool {
        let title = values[columns.title]
        guard !title.isEmpty else {
            let sku = values[columns.sku]
            try report(columns.names[columns.title], sku.isEmpty ? "is empty" : "is empty (SKU \(sku.excerpt))")
            return false
        }
        if title.utf8.contains(where: { $0 == 0x0A || $0 == 0x09 }) {
            values[columns.title] = title.split { $0.isNewline || $0 == "\t" }.joined(separator: " ")
        }
        return true
    }

    private func checkSKU(_ values: inout [String]) throws(CatalogError) -> Bool {
        let name = columns.names[columns.sku]
        var sku = values[columns.sku]
        if !sku.utf8.allSatisfy({ $0 < 0x80 }) { sku = sku.precomposedStringWithCanonicalMapping }
        let fault: String? =
            if sku.isEmpty {
                "is empty"
            } else if records.withField(header.fields[columns.sku], CellText.holdsControl) {
                "\(rawField(columns.sku).excerpt) contains a control character or line break"
            } else if sku == "." || sku == ".." || sku.utf8.contains(where: { $0 == 0x2F || $0 == 0x5C }) {
                "\(sku.excerpt) cannot be a folder name: it contains a path separator or is a relative path"
            } else if sku.utf8.count > 200 {
                "\(sku.excerpt) has \(sku.utf8.count) bytes, 200 are allowed"
            } else if let first = rowsBySKU[sku] {
                "\(sku.excerpt) is a duplicate: row \(first) has it too"
            } else {
                nil
            }
        if let fault {
            try report(name, fault)
            return false
        }
        rowsBySKU[sku] = records.row
        values[columns.sku] = sku
        return true
    }

    /// A cell as it stands in the file, for a message.
    private func rawField(_ column: Int) -> String {
        records.withField(header.fields[column]) { String(decoding: $0, as: UTF8.self) }
    }

    private func report(_ column: String?, _ message: String) throws(CatalogError) {
        try report(CatalogError.Problem(row: records.row, line: records.line, column: column, message: message))
    }

    private func report(_ problem: CatalogError.Problem) throws(CatalogError) {
        problems.append(problem)
        if problems.count >= limits.problems {
            throw CatalogError(.rows, file: path, problems: problems, isIncomplete: !isFinished)
        }
    }
}
