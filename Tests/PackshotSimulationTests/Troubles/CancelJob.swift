import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// A person cancels a job, whatever it is doing.
    static let cancelJob = Trouble("cancel-job", weight: 2) { world in
        guard let job = world.random.pick(world.memory.jobs) else { return }
        try await world.ask { try await $0.cancel(job.id) }
    }
}

extension LedgerClient {
    fileprivate func cancel(_ id: JobID) async throws {
        try await call("cancel \(id)") {
            var selection = JobSelection()
            selection.job = id
            let before = world.model.jobs[id]?.state
            world.happen("cancel-job", "\(id), which was \(before?.rawValue ?? "unknown")")
            let count = try await world.memory.cancel(selection)
            world.check {
                try expect(count == (before?.isFinal == false ? 1 : 0), "\(count) jobs were cancelled")
                if count == 1 { try world.model.cancelled(id, at: world.ledgerServer.clock.date) }
            }
            world.signalWorkers()
        }
    }
}
