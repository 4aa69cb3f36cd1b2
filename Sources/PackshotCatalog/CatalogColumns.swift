/// The columns of a catalog, in file order, and which of them hold what every product needs.
package final class CatalogColumns: Hashable, Sendable {
    /// Names as the file has them, trimmed. Columns without a name are left out.
    package let names: [String]
    /// Where the SKU is.
    package let sku: Int
    /// Where the title is.
    package let title: Int

    private let indices: [String: Int]

    /// - Parameters:
    ///   - names: No two the same but for letter case.
    ///   - sku: An index into `names`.
    ///   - title: An index into `names`.
    init(names: [String], sku: Int, title: Int) {
        self.names = names
        self.sku = sku
        self.title = title
        var indices: [String: Int] = [:]
        for (index, name) in names.enumerated() { indices[name.lowercased()] = index }
        // Every dialect answers to these two, whatever its own names for them.
        indices["sku"] = indices["sku"] ?? sku
        indices["title"] = indices["title"] ?? title
        self.indices = indices
    }

    /// The index of a column by name, letter case ignored. `sku` and `title` are always there.
    package func index(of name: String) -> Int? {
        indices[name.lowercased()]
    }

    package static func == (first: CatalogColumns, second: CatalogColumns) -> Bool {
        first.names == second.names && first.sku == second.sku && first.title == second.title
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(names)
    }
}
