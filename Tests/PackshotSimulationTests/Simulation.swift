import PackshotJobs
import PackshotTestSupport

/// What came of a simulation.
struct SimulationResult {
    let scenario: Scenario
    /// What was not as it should be.
    let violation: String?
    let counts: Counts
    let staleSettlements: Int
    /// From the end of the troubles to the end of all work.
    let recovery: VirtualTime
    /// The last operations, if they were recorded.
    let trace: [String]
}

/// Runs a scenario to its end: troubles for a while, then none; then everything accepted must come to an end in bounded
/// time, the workers stop, and the books are closed.
func simulate(_ scenario: Scenario, sabotage: Sabotage? = nil, isTraced: Bool = false) -> SimulationResult {
    let world = World(scenario, sabotage: sabotage, isTraced: isTraced)
    let story = Story(world)
    world.simulator.spawn(story.run) { world.violate("the story ended with \($0)") }
    world.simulator.run()
    return SimulationResult(
        scenario: scenario, violation: world.violation ?? (story.isComplete ? nil : "everything stands still"),
        counts: world.counts, staleSettlements: world.memory.staleSettlements, recovery: story.recovery,
        trace: world.trace?.lines ?? [])
}

/// The course of a simulation.
private final class Story {
    private(set) var recovery: VirtualTime = 0
    private(set) var isComplete = false
    private let world: World
    private var isClosing = false
    private var clock: SimulatedProcess { world.simulator.network }
    private var now: VirtualTime { world.simulator.now }

    init(_ world: World) { self.world = world }

    func run() async throws {
        world.submitted = world.batches()
        for (batch, jobs) in world.submitted { world.produce(batch, jobs) }
        world.spawn(supervise)
        try await makeTrouble()
        world.repair()
        try await waitForTheEnd()
        try await stopWorkers()
        world.check(closeTheBooks)
        isComplete = true
        world.simulator.finish()
    }

    /// Starts workers, and others in the place of those that ended.
    private func supervise() async throws {
        var started = 0
        while !isClosing {
            while world.livingWorkers.count < world.scenario.workers,
                started < world.scenario.workers || !world.isTroubled || world.random.once(in: 5)
            {
                started += 1
                let worker = SimulatedWorker(world, number: started)
                world.workers.removeAll { !$0.process.isAlive }
                world.workers.append(worker)
                world.note(worker.id.rawValue, "starts")
                worker.start()
            }
            world.queue.keepCopy()
            try await world.simulator.sleep(clock, .seconds(1))
        }
    }

    private func makeTrouble() async throws {
        let possible = Trouble.all.filter { $0.weight > 0 && world.scenario.troubles.contains($0.name) }
        let hat = possible.flatMap { trouble in Array(repeating: trouble, count: trouble.weight) }
        let interval = world.random.time(.seconds(1)...(.seconds(8)))
        while now < world.scenario.troubledTime {
            try await world.simulator.sleep(clock, world.random.time(0...interval * 2))
            guard let trouble = world.random.pick(hat) else { continue }
            world.spawn { [world] in
                if world.isTroubled { try await trouble.act(world) }
            }
        }
    }

    /// Nothing that was accepted is lost: within bounded time every job is completed, cancelled, or discarded with a reason,
    /// and the queue is empty.
    private func waitForTheEnd() async throws {
        let start = now
        let settings = world.settings
        // A queue is asked what it lacks every 60th time a janitor goes round, and going round takes six requests.
        let round = 60 * (.milliseconds(1_250) + 12 * settings.latency.upperBound) + .seconds(10)
        let rounds: VirtualTime = world.sabotage?.queue == .forgetsEntries ? 8 : 2
        let work = VirtualTime(world.scenario.jobs * settings.maxAttempts) * (settings.pace * 2 + .seconds(1))
        // Clocks may have been set back, and a request may still be on its way.
        let limit =
            World.largestJump * 4 + .seconds(30) + rounds * round + VirtualTime(settings.lease) * 4
            + settings.stepTimeout * 2 + work + .seconds(150)
        while !isEverythingDone {
            guard now - start < limit else {
                let open = world.model.jobs.filter { !$0.value.state.isFinal }.keys.sorted()
                let running = world.model.attempts.filter { $0.value.state == .running }.keys.sorted()
                world.violate(
                    "\(limit / 1_000_000) s after the last trouble, jobs \(open) are not final, attempts \(running) have not ended, and the queue holds \(world.queueDepth) entries"
                )
                return
            }
            try await world.simulator.sleep(clock, .seconds(1))
        }
        recovery = now - start
    }

    private var isEverythingDone: Bool {
        world.producers.allSatisfy { !$0.process.isAlive } && world.model.isEverythingFinal && world.queueDepth == 0
            && world.model.attempts.values.allSatisfy { $0.state != .running }
    }

    private func stopWorkers() async throws {
        let start = now
        isClosing = true
        for worker in world.livingWorkers { worker.stop() }
        while !world.livingWorkers.isEmpty {
            guard now - start < world.settings.grace + world.settings.stepTimeout + .seconds(60) else {
                return world.violate("workers do not stop: \(world.livingWorkers.map(\.id))")
            }
            try await world.simulator.sleep(clock, .seconds(1))
        }
    }

    private func closeTheBooks() throws {
        try world.compare()
        let books = try ReferenceModel.account(world.memory)
        try checkFiles()
        for producer in world.producers {
            guard let accepted = producer.accepted else { continue }
            try expect(
                world.model.jobs.values.contains { $0.batch == accepted.batch }, "an accepted batch is not there")
        }
        if world.scenario.troubles.isSubset(of: World.harmless) {
            try expect(world.memory.staleSettlements == 0, "a finish was refused without trouble")
            for job in world.memory.jobs {
                try expect(job.machine.state == .completed, "job \(job.id) was not completed without trouble")
                try expect(job.machine.attempts == 1, "job \(job.id) took \(job.machine.attempts) attempts")
            }
            let kinds = Set(world.memory.attempts.map(\.state))
            try expect(kinds.isSubset(of: [.completed, .handedBack]), "an attempt was lost without trouble")
            try expect(world.queueDepth == 0, "the queue holds \(world.queueDepth) entries in the end")
            if world.scenario.troubles.isEmpty { try expect(books.waste == 0, "money was wasted without trouble") }
            world.counts["harmless scenario"] += 1
        }
    }

    /// What is on disk is in the ledger. Where a job was given up or cancelled after its file was named and before that was
    /// settled, the file stays.
    private func checkFiles() throws {
        let byPath = Dictionary(
            uniqueKeysWithValues: world.model.jobs.map { ($0.value.planned.relativePath, $0) })
        for path in world.folder.files.keys.sorted() {
            guard let (id, job) = byPath[path] else { throw Disagreement("\(path) belongs to no job") }
            try world.folder.check(path, isOf: id)
            if job.state == .completed { continue }
            try expect(job.state == .discarded || job.state == .cancelled, "\(path) belongs to an unfinished job")
            world.counts["file of a job without image"] += 1
        }
        world.counts["temporary file left behind"] += world.folder.temporaries.count
    }
}
