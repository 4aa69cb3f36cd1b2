/// A family of catalog files: which columns hold what.
///
/// This is the place where further dialects (shop systems, merchant feeds) go: each is a value of this type.
package struct CatalogDialect: Hashable, Sendable {
    /// What it is called.
    package let name: String
    /// Header names of the SKU column, letter case ignored, best first.
    package let skuNames: [String]
    /// Header names of the title column, letter case ignored, best first.
    package let titleNames: [String]

    package init(name: String, skuNames: [String], titleNames: [String]) {
        self.name = name
        self.skuNames = skuNames
        self.titleNames = titleNames
    }

    /// Any table with columns `sku` and `title`; all others are attributes.
    package static let generic = CatalogDialect(name: "generic", skuNames: ["sku"], titleNames: ["title"])

    /// Finds the columns in a header.
    /// - Returns: nil for one that is not there.
    func columns(in header: [String]) -> (sku: Int?, title: Int?) {
        let lowercased = header.map { $0.lowercased() }
        let find = { (names: [String]) in
            names.lazy.compactMap { lowercased.firstIndex(of: $0.lowercased()) }.first
        }
        return (find(skuNames), find(titleNames))
    }
}
