import PackshotJobs
import PackshotTestSupport
import PackshotWorker

/// A generator that takes its time, fails, hangs and kills its process as the scenario has it.
final class SimulatedSampler: ImageGenerator, @unchecked Sendable {
    let kernelClass = "simulated"
    let threads = 1
    private let world: World
    private let process: SimulatedProcess
    private let worker: WorkerID
    private var isHanging = false

    init(_ world: World, _ process: SimulatedProcess, _ worker: WorkerID) {
        self.world = world
        self.process = process
        self.worker = worker
    }

    var model: ModelRecord { world.modelRecord }

    func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
        if World.isBadPrompt(prompt) { throw GenerationError(.badPrompt, "a bad prompt") }
        return PreparedPrompt(effectiveText: prompt, tokens: [1], tokenCount: 1, key: Array(prompt.utf8))
    }

    func embed(_ prompt: PreparedPrompt) throws -> [UInt8] { prompt.key }

    func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { spec.guidance > 1 }

    func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage {
        world.check {
            try expect(prompt == Array(spec.prompt.utf8), "\(worker) samples with the embedding of another prompt")
            try beginExecution(of: spec)
        }
        let time = world.random.time(world.settings.pace / 2...world.settings.pace * 3 / 2)
        let hangsAt = world.has(.hangs) && world.random.once(in: 12) ? world.random.within(1...spec.steps) : nil
        for step in 1...spec.steps {
            try await world.simulator.sleep(process, time / VirtualTime(spec.steps))
            world.counts.operations += 1
            if step == hangsAt {
                world.counts["sampler hung"] += 1
                world.note(process.name, "the sampler hangs")
                isHanging = true
                try await world.simulator.wait(process, until: nil)
            }
            if World.isPoison(spec.prompt) {
                world.counts["killed by poison"] += 1
                process.kill()
                throw Ended()
            }
            try onStep(step, spec.steps)
        }
        if world.has(.failures), world.random.once(in: 8) { throw Failed() }
        world.note(process.name, "sampled job \(spec.seed)")
        return GeneratedImage(
            width: 1, height: 1, rgb: [UInt8(truncatingIfNeeded: spec.seed), 0, 0], sampleTime: time, decodeTime: 0)
    }

    /// What the worker's process does when it takes the sampler to hang.
    func endProcess() {
        world.check { try expect(isHanging, "\(worker) ends itself, and its sampler does not hang") }
        world.counts["ended itself, the sampler hung"] += 1
        world.note(process.name, "ends itself")
        process.kill()
    }

    /// One attempt is worked on once. A job's seed is its number in the catalog.
    private func beginExecution(of spec: GenerationSpec) throws {
        guard let job = world.model.jobs.values.first(where: { $0.planned.spec.seed == spec.seed }),
            let fence = job.fence, let attempt = world.model.attempts[fence], attempt.worker == worker
        else { return }
        try expect(world.executing.insert(fence).inserted, "\(worker) works twice on attempt \(fence)")
    }

    private struct Failed: Error {}
}
