/// How much there is to compute for an image: its pixels, times the steps, times the passes through the model in each.
package struct Workload: Hashable, Sendable {
    /// Never less than there is; shortcuts leave some of it out.
    package let units: Int64
    /// What is left out for speed; nil for nothing. How much that saves is known from images made alike, and from no others.
    private let shortcuts: Shortcuts?

    package init(
        width: Int, height: Int, steps: Int, guidance: Double, hasNegativePrompt: Bool, shortcuts: Shortcuts?
    ) {
        let passes = guidance > 1 || hasNegativePrompt ? 2 : 1
        units = [width, height, steps, passes].reduce(1) { product, factor in
            let (value, isTooLarge) = product.multipliedReportingOverflow(by: Int64(max(1, factor)))
            return isTooLarge ? .max : value
        }
        self.shortcuts = shortcuts
    }

    package init(_ spec: GenerationSpec) {
        self.init(
            width: spec.width, height: spec.height, steps: spec.steps, guidance: spec.guidance,
            hasNegativePrompt: !spec.negativePrompt.isEmpty, shortcuts: spec.shortcuts)
    }

    /// Nothing of it is left out.
    var isWhole: Bool { shortcuts == nil }
}
