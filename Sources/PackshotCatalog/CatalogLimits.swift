/// How much a catalog file may ask for. Checked while reading, so that no file takes unbounded memory.
package struct CatalogLimits: Hashable, Sendable {
    /// Largest row in bytes of UTF-8, quotes and separators included.
    package var rowBytes: Int
    /// Largest cell in bytes of UTF-8.
    package var cellBytes: Int
    /// Most columns.
    package var columns: Int
    /// Most problems to collect before giving up.
    package var problems: Int

    /// Rows of 8 MiB, cells of 1 MiB, 2,000 columns, 50 problems.
    package static let standard = CatalogLimits(rowBytes: 8 << 20, cellBytes: 1 << 20, columns: 2_000, problems: 50)

    package init(rowBytes: Int, cellBytes: Int, columns: Int, problems: Int) {
        self.rowBytes = rowBytes
        self.cellBytes = cellBytes
        self.columns = columns
        self.problems = problems
    }
}
