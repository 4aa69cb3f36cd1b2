import PackshotJobs
import PackshotTestSupport

/// Workers and producers that die, stop, or stand still.
extension Trouble {
    /// SIGKILL.
    static let kill = Trouble("kill", weight: 6) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        world.happen("kill", worker.id.rawValue)
        worker.process.kill()
    }

    /// The power of the one machine that all workers share is cut.
    static let powerLoss = Trouble("power-loss", weight: 2) { world in
        world.happen("power-loss", "all")
        for worker in world.livingWorkers { worker.process.kill() }
        world.folder.cutPower()
        world.check { try world.compare() }
    }

    /// SIGTERM.
    static let stop = Trouble("stop", weight: 4) { world in
        guard let worker = world.random.pick(world.livingWorkers) else { return }
        world.happen("stop", worker.id.rawValue)
        worker.stop()
    }

    /// SIGSTOP, and SIGCONT after up to three leases.
    static let freeze = Trouble("freeze", weight: 6) { world in
        guard let worker = world.random.pick(world.livingWorkers), !worker.process.isFrozen else { return }
        world.happen("freeze", worker.id.rawValue)
        worker.process.freeze()
        try await world.simulator.sleep(
            world.simulator.network, world.random.time(.seconds(1)...VirtualTime(world.settings.lease) * 3))
        world.note(worker.id.rawValue, "goes on")
        worker.process.thaw()
    }

    /// Every machine stands still for three leases, as when their host does.
    static let freezeAll = Trouble("freeze-all", weight: 2) { world in
        let processes = (world.livingWorkers.map(\.process) + world.producers.map(\.process)).filter {
            $0.isAlive && !$0.isFrozen
        }
        world.happen("freeze-all", "\(processes.map(\.name))")
        for process in processes { process.freeze() }
        try await world.simulator.sleep(world.simulator.network, VirtualTime(world.settings.lease) * 3)
        world.note("*", "all go on")
        for process in processes { process.thaw() }
    }

    /// Death between any two actions.
    static let failpoints = Trouble(nature: "failpoints")
    /// Jobs that kill the worker that samples them.
    static let poison = Trouble(nature: "poison")
    /// Samplers that never make their next step.
    static let hangs = Trouble(nature: "hangs")
    /// Samplers that fail for once.
    static let failures = Trouble(nature: "failures")
    /// Jobs that no worker can make.
    static let badPrompts = Trouble(nature: "bad-prompts")
    /// Producers that die between their commit and their dispatch.
    static let producerDeaths = Trouble(nature: "producer-deaths")
}
