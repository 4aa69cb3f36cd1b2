internal import PackshotJobs

/// What a batch will make: the products of a catalog times the shots times their variants.
///
/// A plan holds no images; it reads them from the catalog as often as asked: ``images(expecting:)`` gives them in the file's
/// order, and says at the end all that was wrong with it, so that whoever writes them must be able to take that back.
package struct Plan: Sendable {
    /// What shots that do not say get: the model's own size and settings.
    package struct Defaults: Hashable, Sendable {
        /// Pixels.
        package var width: Int
        /// Pixels.
        package var height: Int
        /// Denoising steps.
        package var steps: Int
        /// Classifier-free guidance scale.
        package var guidance: Double

        package init(width: Int, height: Int, steps: Int, guidance: Double) {
            self.width = width
            self.height = height
            self.steps = steps
            self.guidance = guidance
        }
    }

    /// Images that take the same work.
    package struct Workload: Hashable, Sendable {
        package let width: Int
        package let height: Int
        package let steps: Int
        package let guidance: Double
    }

    /// The catalog file, and what to call it in errors.
    package let catalogPath: String
    package let catalogName: String
    /// How its columns are called.
    package let dialect: CatalogDialect
    /// What to make of every product.
    package let shots: [Shot]
    /// What to call the shots file in errors.
    package let shotsPath: String
    /// First part of every image's path, sanitised.
    package let batch: String
    /// For shots that do not say.
    package let defaults: Defaults
    /// Use only the first so many products; nil for all.
    package let productLimit: Int?
    /// How much the file may ask for.
    package let limits: CatalogLimits

    /// - Parameters:
    ///   - catalogName: What to call the catalog in errors; nil for its path.
    ///   - batch: The batch's name, in any characters.
    ///   - shots: At least one.
    ///   - shotsPath: What to call the shots file in errors.
    ///   - productLimit: Use only the first so many products, at least 1; rows after them are not looked at.
    package init(
        catalogPath: String, catalogName: String? = nil, dialect: CatalogDialect = .generic,
        shots: [Shot] = Shot.standard,
        shotsPath: String = "the built-in shot", batch: String, defaults: Defaults, productLimit: Int? = nil,
        limits: CatalogLimits = .standard
    ) {
        precondition(!shots.isEmpty && productLimit ?? 1 >= 1, "a plan needs a shot and a product")
        self.catalogPath = catalogPath
        self.catalogName = catalogName ?? catalogPath
        self.dialect = dialect
        self.shots = shots
        self.shotsPath = shotsPath
        self.batch = PathComponent.sanitise(batch)
        self.defaults = defaults
        self.productLimit = productLimit
        self.limits = limits
    }

    /// The SHA-256 of the catalog file as it is now, 32 bytes.
    /// - Throws: ``CatalogError`` `.unreadable`.
    package func digest() throws(CatalogError) -> [UInt8] {
        try TextFile(path: catalogPath, name: catalogName).finishDigest()
    }

    /// The images, one by one or in chunks.
    /// - Parameter sha256: What ``digest()`` found the file to be. If it is no longer that, reading ends with an error.
    /// - Throws: ``CatalogError`` when the catalog cannot be opened, or a shot names columns it has not.
    package func images(expecting sha256: [UInt8]? = nil) throws(CatalogError) -> PlanReader {
        try PlanReader(self, expecting: sha256)
    }
}
