/// Paths of a plan that are one and the same where a file system does not tell upper from lower case, as network shares often do
/// not: the second image would find the first in its place.
package struct CaseCollisions {
    private let file: String
    private var paths: [String: String] = [:]

    /// - Parameter file: The catalog, for messages.
    package init(file: String) {
        self.file = file
    }

    /// Takes in a planned image.
    /// - Throws: ``CatalogError`` naming both paths if it would fall on another's.
    package mutating func add(_ relativePath: String) throws(CatalogError) {
        guard let other = paths.updateValue(relativePath, forKey: relativePath.lowercased()), other != relativePath
        else { return }
        throw CatalogError(
            .rows, file: file,
            "the images \(other) and \(relativePath) differ by case only, and the output folder does not tell case apart: "
                + "rename one SKU or shot, or write to another folder")
    }
}
