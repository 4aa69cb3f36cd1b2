import PackshotJobs

/// What people do while the fleet works.
extension Trouble {
    /// Jobs that are not to be made before a moment.
    static let scheduledJobs = Trouble(nature: "scheduled-jobs")

    /// The same catalog is submitted again.
    static let resubmit = Trouble("resubmit", weight: 2) { world in
        guard let (batch, jobs) = world.random.pick(world.submitted) else { return }
        world.happen("resubmit", batch.name)
        world.produce(batch, jobs)
    }

    /// A worker is asked to drain.
    static let drainRequest = Trouble("drain-request", weight: 2) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        world.happen("drain-request", worker.id.rawValue)
        world.memory.requestDrain(worker.id)
    }
}
