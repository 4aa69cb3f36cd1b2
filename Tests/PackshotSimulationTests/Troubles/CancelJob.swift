import PackshotJobs

/// A person cancels a job, whatever it is doing.
extension Trouble {
    static let cancelJob = Trouble("cancel-job", weight: 2) { world in
        guard let job = world.random.pick(world.memory.jobs) else { return }
        let client = LedgerClient(world: world, process: world.person)
        do { try await client.cancel(job.id) } catch is StoreError {}
    }
}

extension LedgerClient {
    fileprivate func cancel(_ id: JobID) async throws {
        try await call("cancel \(id)") {
            let before = world.model.jobs[id]?.state
            let isRefused = (try? world.memory.cancel(id)) == nil
            world.happen("cancel-job", "\(id), which was \(before?.rawValue ?? "unknown")")
            world.check {
                try expect(isRefused == before?.isFinal, "whether job \(id) could be cancelled")
                if !isRefused { try world.model.change(id, to: .cancelled) { _ in } }
            }
        }
    }
}
