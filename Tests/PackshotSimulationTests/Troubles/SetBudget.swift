import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// A person gives a batch a budget, or another one.
    static let setBudget = Trouble("set-budget", weight: 2) { world in
        guard let batch = world.random.pick(world.model.batches.keys.sorted()) else { return }
        let budget = MicroDollars(rawValue: Int64(world.random.within(0...40_000)))
        try await world.ask { try await $0.setBudget(batch, budget) }
    }
}

extension LedgerClient {
    func setBudget(_ batch: BatchID, _ budget: MicroDollars?) async throws {
        try await call("budget of batch \(batch)") {
            world.happen("set-budget", "\(batch) \(budget?.description ?? "none")")
            try await world.memory.setBudget(batch, budget)
            let committed = world.memory.standing(batch).committed
            world.model.changeBatch(batch) { batch in
                batch.budget = budget
                if batch.isExhausted, budget.map({ $0 > committed }) ?? true {
                    (batch.isPaused, batch.isExhausted) = (false, false)
                }
            }
        }
    }
}
