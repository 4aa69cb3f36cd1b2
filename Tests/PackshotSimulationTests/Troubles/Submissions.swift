import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// Jobs that are not to be made before a moment.
    static let scheduledJobs = Trouble(nature: "scheduled-jobs")

    /// The same catalog is submitted again.
    static let resubmit = Trouble("resubmit", weight: 2) { world in
        guard let (batch, jobs) = world.random.pick(world.submitted) else { return }
        world.happen("resubmit", batch.name)
        world.produce(batch, jobs)
    }
}
