package import PackshotJobs

/// One image to make, and where it comes from.
package struct PlannedImage: Hashable, Sendable {
    /// The product's row, as a spreadsheet counts.
    package let row: Int
    /// The prompt as the shots file has it, before the product's values are filled in.
    package let promptTemplate: String
    /// The image as the ledger takes it. Its path is `<batch>/<sku>/<sku>.<shot>.<variant>.png` in sanitised parts.
    package let job: PlannedJob
}
