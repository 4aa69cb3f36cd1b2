internal import PackshotJobs

/// What a batch may cost, held against what its images will cost by the model's measured pace.
struct BatchBudget {
    let limit: MicroDollars
    /// Micro-dollars of the model's images so far; nil before the first.
    private let meanCost: Double?

    /// - Parameters:
    ///   - dollars: The amount as it was given; nil for any amount, and then there is no budget.
    ///   - meanCost: Asks what an image costs.
    init?(_ dollars: String?, meanCost: () async throws -> Double?) async throws {
        guard let limit = dollars.flatMap({ MicroDollars(dollars: $0) }) else { return nil }
        self.limit = limit
        self.meanCost = try await meanCost()
    }

    /// - Throws: ``CommandError`` `.overBudget` when so many images would cost more.
    func check(_ images: Int) throws {
        guard let meanCost else {
            // Nothing is known but that an image costs something: a millionth of a dollar at least.
            guard limit.rawValue >= Int64(images) else {
                throw CommandError(
                    .overBudget, "\(images) images cannot cost as little as \(limit); nothing was submitted")
            }
            Talk.note(
                "packshot: no image of this model has been made yet, so the cost is unknown; the batch stops when \(limit) is spent"
            )
            return
        }
        let estimate = MicroDollars(rawValue: Int64((meanCost * Double(images)).rounded(.up)))
        guard estimate <= limit else {
            throw CommandError(
                .overBudget,
                "\(images) images would cost about \(estimate), more than the \(limit) allowed; nothing was submitted")
        }
    }
}
