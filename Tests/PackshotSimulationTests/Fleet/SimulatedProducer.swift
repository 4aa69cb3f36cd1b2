import Foundation
import PackshotJobs
import PackshotTestSupport
import PackshotWorker

/// A producer: commits a batch, then dispatches it, as `packshot enqueue` does.
final class SimulatedProducer: @unchecked Sendable {
    let world: World
    let process: SimulatedProcess
    private let ledger: LedgerClient
    private let queue: QueueClient
    /// Told to the user, and so a promise.
    private(set) var accepted: Submission?

    init(_ world: World, number: Int) {
        self.world = world
        process = world.simulator.process("producer \(number)")
        ledger = LedgerClient(world: world, process: process)
        queue = QueueClient(world: world, process: process)
    }

    /// Submits and dispatches once. A submission whose answer was lost is repeated, as a person would.
    func run(_ batch: NewBatch, _ jobs: [PlannedJob]) async throws {
        var submission: Submission?
        while submission == nil {
            var rest: [PlannedJob]? = jobs
            do {
                submission = try await ledger.submit(batch) {
                    defer { rest = nil }
                    return rest
                }
            } catch is StoreError {
                try await world.simulator.sleep(process, world.random.time(.milliseconds(50)...(.seconds(4))))
            }
        }
        accepted = submission
        if world.has(.producerDeaths), world.random.once(in: 3) {
            world.counts["producer died before dispatching"] += 1
            process.kill()
        }
        do {
            if let submission {
                try await Dispatcher(ledger: ledger, queue: queue).dispatch(submission.batch)
            }
        } catch is StoreError {
            world.counts["producer could not dispatch"] += 1
        }
        world.note(process.name, "ends")
        process.kill()
    }
}

extension World {
    static func isPoison(_ prompt: String) -> Bool { prompt.hasPrefix("poison") }
    static func isBadPrompt(_ prompt: String) -> Bool { prompt.hasPrefix("bad") }

    /// The scenario's jobs, in one to three batches.
    func batches() -> [(batch: NewBatch, jobs: [PlannedJob])] {
        let count = random.within(1...3)
        var jobs = (0..<count).map { _ in [PlannedJob]() }
        for number in 1...max(1, scenario.jobs) {
            let batch = random.below(count)
            var kind = "mug"
            if has(.poison), random.once(in: 8) { kind = "poison" }
            if has(.badPrompts), random.once(in: 8) { kind = "bad" }
            let isLater = has(.scheduledJobs) && random.once(in: 2)
            jobs[batch].append(
                PlannedJob(
                    product: ProductRecord(sku: "SKU-\(number)", title: "", attributes: [:]), shot: "packshot",
                    variant: 0,
                    spec: GenerationSpec(
                        // Some jobs share a prompt, and so an embedding.
                        prompt: "\(kind) \(number % 4)", negativePrompt: "not \(number % 3)", seed: UInt64(number),
                        width: 8, height: 8, steps: settings.steps, guidance: number % 2 == 0 ? 1 : 3),
                    relativePath: "batch-\(batch)/\(number).png", priority: random.within(0...9),
                    scheduledAt: isLater
                        ? ledgerServer.clock.date(plus: random.time(0...scenario.troubledTime)) : nil))
        }
        return jobs.enumerated().filter { !$0.element.isEmpty }.map { index, jobs in
            (
                NewBatch(
                    name: "batch-\(index)", outputRoot: "/out", sourcePath: "catalog.csv",
                    sourceSHA256: [UInt8](repeating: 0, count: 32), model: modelRecord,
                    maxAttempts: settings.maxAttempts), jobs
            )
        }
    }

    /// Starts a producer.
    func produce(_ batch: NewBatch, _ jobs: [PlannedJob]) {
        let producer = SimulatedProducer(self, number: producers.count + 1)
        producers.append(producer)
        spawn { try await producer.run(batch, jobs) }
    }
}
