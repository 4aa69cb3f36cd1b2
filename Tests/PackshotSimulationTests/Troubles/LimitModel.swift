import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// A person limits how fast the fleet may work, and lifts the limits some time later.
    static let limitModel = Trouble("limit-model", weight: 2) { world in
        let limits = ModelLimits(
            maxRunning: world.random.once(in: 2) ? world.random.within(1...3) : nil,
            perMinute: world.random.once(in: 2) ? world.random.within(6...120) : nil,
            isPaused: world.random.once(in: 4))
        try await world.ask { try await $0.setLimits(limits) }
        try await world.simulator.sleep(world.person, world.random.time(.seconds(1)...(.seconds(30))))
        try await world.ask { try await $0.setLimits(ModelLimits()) }
    }
}

extension LedgerClient {
    func setLimits(_ limits: ModelLimits) async throws {
        try await call("limit to \(limits)") {
            world.happen("limit-model", "\(limits)")
            try await world.memory.changeLimits(world.modelRecord.fingerprint) { $0 = limits }
            world.model.limits = limits
        }
    }
}
