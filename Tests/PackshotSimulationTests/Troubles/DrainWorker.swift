import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// A person asks a worker to drain.
    static let drainWorker = Trouble("drain-worker", weight: 2) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        try await world.ask { try await $0.drain(worker.id) }
    }
}

extension LedgerClient {
    fileprivate func drain(_ worker: WorkerID) async throws {
        try await call("drain \(worker)") {
            world.happen("drain-worker", worker.rawValue)
            _ = try await world.memory.drain([worker])
            world.signalWorkers()
        }
    }
}
