internal import PackshotJobs

/// Gives the images of a ``Plan`` in order: by product, shot, variant. Not thread-safe.
package final class PlanReader {
    /// The columns of the catalog.
    package let columns: CatalogColumns

    private let plan: Plan
    private let reader: CatalogReader
    private let shots: [BoundShot]
    private let expected: [UInt8]?
    private var isFinished = false

    // The product whose images are being given, and the next image of it.
    private var product: Product?
    private var record: ProductRecord?
    private var folder = ""
    private var shot = 0
    private var variant = 0
    private var spec: GenerationSpec?

    init(_ plan: Plan, expecting expected: [UInt8]?) throws(CatalogError) {
        self.plan = plan
        self.expected = expected
        reader = try CatalogReader(
            path: plan.catalogPath, dialect: plan.dialect, limits: plan.limits, findsDuplicates: expected == nil)
        columns = reader.columns
        var problems: [CatalogError.Problem] = []
        var shots: [BoundShot] = []
        for shot in plan.shots {
            do throws(BoundShot.Failure) {
                shots.append(try BoundShot(shot, columns: columns, defaults: plan.defaults))
            } catch {
                problems.append(
                    CatalogError.Problem(message: "shot \"\(shot.name)\", key \(error.key): \(error.message)"))
            }
        }
        self.shots = shots
        if !problems.isEmpty { throw CatalogError(.shots, file: plan.shotsPath, problems: problems) }
    }

    /// Products whose images were given or begun.
    package var productCount: Int { reader.productCount }

    /// The next image.
    /// - Returns: nil after the last.
    /// - Throws: ``CatalogError``: `.rows` at the end when rows could not be used, `.changed` at the end when the file is
    ///   not the expected one, and what else ``CatalogReader/next()`` throws.
    package func next() throws(CatalogError) -> PlannedImage? {
        guard let (product, spec) = try current() else { return nil }
        let shot = shots[self.shot]
        let record = self.record ?? product.record
        self.record = record
        var ownSpec = spec
        ownSpec.seed = shot.seed(sku: product.sku, variant: variant)
        let image = PlannedImage(
            product: product, record: record, shot: shot.name, variant: variant,
            promptTemplate: shot.template(for: product).source, spec: ownSpec, priority: shot.priority,
            relativePath: "\(plan.batch)/\(folder)/\(folder).\(shot.name).\(variant).png")
        variant += 1
        if variant == shot.variants { try leaveShot() }
        return image
    }

    /// The next shot of a product that a prompt can be made for, and how many images of it are left: to look at everything
    /// without making each image.
    /// - Throws: What ``next()`` throws.
    func nextShot() throws(CatalogError) -> (shot: BoundShot, images: Int)? {
        guard try current() != nil else { return nil }
        let (shot, left) = (shots[self.shot], shots[self.shot].variants - variant)
        try leaveShot()
        return (shot, left)
    }

    /// The product and the prompts whose turn it is; nil after the last.
    private func current() throws(CatalogError) -> (product: Product, spec: GenerationSpec)? {
        while true {
            if let product, let spec { return (product, spec) }
            if isFinished { return nil }
            try advance()
        }
    }

    private func leaveShot() throws(CatalogError) {
        variant = 0
        shot += 1
        try prepareShot()
    }

    /// Up to `count` images, nil after the last: the shape a bulk submission asks for.
    /// - Throws: What ``next()`` throws.
    package func nextChunk(_ count: Int) throws(CatalogError) -> [PlannedImage]? {
        var chunk: [PlannedImage] = []
        while chunk.count < count, let image = try next() { chunk.append(image) }
        return chunk.isEmpty ? nil : chunk
    }

    /// The SHA-256 of the catalog file. Call it last, once, and not when one was expected.
    func finishDigest() throws(CatalogError) -> [UInt8] {
        try reader.finishDigest()
    }

    /// Goes to the next product.
    private func advance() throws(CatalogError) {
        let isEnough = plan.productLimit.map { reader.productCount >= $0 } ?? false
        if isEnough { try reader.finish() }
        guard !isEnough, let next = try reader.next() else {
            product = nil
            isFinished = true
            try checkDigest()
            return
        }
        product = next
        record = nil
        folder = PathComponent.sanitise(next.sku)
        shot = 0
        variant = 0
        try prepareShot()
    }

    /// Makes the prompts of the current shot, or of the first one after it that has any; ends the product after the last.
    private func prepareShot() throws(CatalogError) {
        spec = nil
        guard let product else { return }
        while shot < shots.count {
            do throws(BoundShot.Failure) {
                spec = try shots[shot].spec(for: product)
                return
            } catch {
                try reader.report(
                    row: product.row, "the \(error.key) of shot \"\(shots[shot].name)\" \(error.message)")
                shot += 1
            }
        }
        self.product = nil
    }

    private func checkDigest() throws(CatalogError) {
        guard let expected else { return }
        guard try reader.finishDigest() == expected else {
            throw CatalogError(
                .changed, file: plan.catalogPath, "was changed since it was checked: run the command again")
        }
    }
}
