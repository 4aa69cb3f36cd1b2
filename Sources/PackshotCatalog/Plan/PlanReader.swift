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
            path: plan.catalogPath, name: plan.catalogName, dialect: plan.dialect, limits: plan.limits)
        columns = reader.columns
        var problems: [CatalogError.Problem] = []
        var shots: [BoundShot] = []
        for shot in plan.shots {
            do throws(BoundShot.Failure) {
                shots.append(try BoundShot(shot, columns: columns, defaults: plan.defaults))
            } catch {
                problems.append(
                    CatalogError.Problem(
                        line: error.line, message: "shot \"\(shot.name)\", key \(error.key): \(error.message)"))
            }
        }
        self.shots = shots
        if !problems.isEmpty { throw CatalogError(.shots, file: plan.shotsPath, problems: problems) }
    }

    /// Products whose images were given or begun.
    package var productCount: Int { reader.productCount }

    /// What in the shots a person may not have meant, though it can be done.
    package var warnings: [CatalogError.Problem] { shots.flatMap(\.warnings) }

    /// What images of each shot take.
    package var workloads: [Plan.Workload] { shots.map(\.workload) }

    /// The next image.
    /// - Returns: nil after the last.
    /// - Throws: ``CatalogError``: `.rows` at the end when rows could not be used, `.changed` at the end when the file is
    ///   not the expected one, and what else ``CatalogReader/next()`` throws.
    package func next() throws(CatalogError) -> PlannedImage? {
        while true {
            guard let product, let record, let spec else {
                if isFinished { return nil }
                try advance()
                continue
            }
            let shot = shots[self.shot]
            var ownSpec = spec
            ownSpec.seed = shot.seed(sku: product.sku, variant: variant)
            let image = PlannedImage(
                row: product.row, promptTemplate: shot.template(for: product).source,
                job: PlannedJob(
                    product: record, shot: shot.name, variant: variant, spec: ownSpec,
                    relativePath: path(shot.name, variant), priority: shot.priority))
            variant += 1
            if variant == shot.variants {
                variant = 0
                self.shot += 1
                try prepareShot()
            }
            return image
        }
    }

    /// Built by hand, because this is one of the longest steps of an image otherwise.
    private func path(_ shot: String, _ variant: Int) -> String {
        var path = ""
        path.reserveCapacity(plan.batch.utf8.count + 2 * folder.utf8.count + shot.utf8.count + 30)
        path += plan.batch
        path += "/"
        path += folder
        path += "/"
        path += folder
        path += "."
        path += shot
        path += "."
        path += String(variant)
        path += ".png"
        return path
    }

    /// Up to `count` images, nil after the last: the shape a bulk submission asks for.
    /// - Throws: What ``next()`` throws.
    package func nextChunk(_ count: Int) throws(CatalogError) -> [PlannedImage]? {
        var chunk: [PlannedImage] = []
        while chunk.count < count, let image = try next() { chunk.append(image) }
        return chunk.isEmpty ? nil : chunk
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
        record = next.record
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
                .changed, file: plan.catalogName, "was changed while it was read: run the command again")
        }
    }
}
