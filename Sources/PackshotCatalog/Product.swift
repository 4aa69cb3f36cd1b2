package import PackshotJobs

/// A row of a catalog.
package struct Product: Hashable, Sendable {
    /// Not empty, Unicode NFC, no path separators, no control characters, at most 200 bytes; unique in its catalog.
    package let sku: String
    /// Not empty; line breaks are spaces.
    package let title: String
    /// Row as a spreadsheet counts, the header being row 1.
    package let row: Int
    /// The columns ``values`` belong to.
    package let columns: CatalogColumns
    /// All cells in column order, SKU and title among them; empty where a cell is.
    package let values: [String]

    init(row: Int, columns: CatalogColumns, values: [String]) {
        sku = values[columns.sku]
        title = values[columns.title]
        self.row = row
        self.columns = columns
        self.values = values
    }

    /// The cell of a column, by name with letter case ignored; nil when there is no such column.
    package subscript(column: String) -> String? {
        columns.index(of: column).map { values[$0] }
    }

    /// The cells besides SKU and title that are not empty, in column order.
    package var attributes: [(name: String, value: String)] {
        columns.names.indices.compactMap { index in
            index == columns.sku || index == columns.title || values[index].isEmpty
                ? nil : (columns.names[index], values[index])
        }
    }

    /// The product as the ledger keeps it.
    package var record: ProductRecord {
        ProductRecord(
            sku: sku, title: title,
            attributes: Dictionary(attributes.map { ($0.name, $0.value) }) { first, _ in first })
    }
}
