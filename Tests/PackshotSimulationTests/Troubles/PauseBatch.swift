import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// A person pauses a batch, and resumes it some time later.
    static let pauseBatch = Trouble("pause-batch", weight: 2) { world in
        guard let batch = world.random.pick(world.model.batches.keys.sorted()) else { return }
        try await world.ask { try await $0.setPaused(batch, true) }
        try await world.simulator.sleep(world.person, world.random.time(.seconds(1)...(.seconds(30))))
        try await world.ask { try await $0.setPaused(batch, false) }
    }
}

extension LedgerClient {
    /// Also ends a pause for want of budget.
    func setPaused(_ batch: BatchID, _ isPaused: Bool) async throws {
        try await call("\(isPaused ? "pause" : "resume") batch \(batch)") {
            world.happen("pause-batch", "\(batch) \(isPaused)")
            if isPaused {
                try await world.memory.pause(batch)
            } else {
                try await world.memory.resume(batch)
            }
            world.model.changeBatch(batch) {
                $0.isPaused = isPaused
                if !isPaused { $0.isExhausted = false }
            }
        }
    }
}
