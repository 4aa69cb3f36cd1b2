package import PackshotJobs

/// One image to make, with all it depends on.
package struct PlannedImage: Hashable, Sendable {
    /// The catalog's row it is made for.
    package let product: Product
    /// The same as the ledger keeps it.
    package let record: ProductRecord
    /// Name of the shot.
    package let shot: String
    /// Number of the variant from 0.
    package let variant: Int
    /// The prompt as the shots file has it, before the product's values are filled in.
    package let promptTemplate: String
    /// Prompts with the product's values, seed, size, steps and guidance.
    package let spec: GenerationSpec
    /// 0 (first) to 9 (last).
    package let priority: Int
    /// `<batch>/<sku>/<sku>.<shot>.<variant>.png` in sanitised parts, to go below the output folder.
    package let relativePath: String

    /// The product's SKU.
    package var sku: String { product.sku }

    /// The product's row, as a spreadsheet counts.
    package var row: Int { product.row }

    /// The image as the ledger takes it.
    package var job: PlannedJob {
        PlannedJob(
            product: record, shot: shot, variant: variant, spec: spec, relativePath: relativePath,
            priority: priority)
    }
}
