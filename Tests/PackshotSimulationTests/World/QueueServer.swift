import Foundation
import PackshotJobs
import PackshotTestSupport

/// The queue's machine: the entries, the embeddings beside them, and what may happen to them there.
final class QueueServer: @unchecked Sendable {
    var content = MemoryQueueContent()
    private(set) var embeddings: MemoryEmbeddingStore
    /// Earlier contents, oldest first.
    private(set) var copies: [MemoryQueueContent] = []
    /// Grows with every start of the server, as Redis's `run_id` changes.
    var life = 0
    /// Signalled when there may be something for claims that wait.
    let arrivals = Condition()
    let sabotage: Sabotage.Queue?
    private var markers: [String] = []
    private let clock: StoreClock

    init(clock: StoreClock, sabotage: Sabotage.Queue?) {
        self.clock = clock
        self.sabotage = sabotage
        embeddings = MemoryEmbeddingStore(now: { clock.date })
    }

    func keepCopy() {
        if copies.count >= 8 { copies.removeFirst() }
        copies.append(content)
    }

    func wipe() {
        content = MemoryQueueContent()
        embeddings = MemoryEmbeddingStore(now: { [clock] in clock.date })
    }

    /// Jobs that others than `worker` have or can have without waiting for its entries to be idle.
    func deliverable(model: ModelFingerprint, without worker: WorkerID) -> Set<JobID> {
        let (now, later) = (clock.date, clock.date.addingTimeInterval(3_600))
        var rest = content
        let pending = rest.takeOver(model: model, by: worker, idleFor: .seconds(-3_600), limit: .max, now: now)
        rest.acknowledge(pending)
        var others = content
        others.renew(pending, by: worker, now: later)
        let theirs = others.takeOver(model: model, by: worker, idleFor: .seconds(1), limit: .max, now: later)
        return rest.heldJobs(model: model).union(theirs.map(\.job))
    }

    /// The marker in the data and the life of the server, numbered in the order in which they were first seen, because the
    /// marker itself is a random word.
    var epoch: String {
        let marker = content.readEpoch().id
        let number = markers.firstIndex(of: marker) ?? markers.count
        if number == markers.count { markers.append(marker) }
        return "data \(number) life \(life)"
    }
}

/// The queue over the connections of one process.
final class QueueClient: JobQueue, @unchecked Sendable {
    let world: World
    let process: SimulatedProcess
    let link = Link()
    /// Deliveries that the next claim is given whoever else has them.
    var repeated: [Delivery] = []
    private var isInterrupted = false

    private var queue: QueueServer { world.queue }
    private var now: Date { world.queueServer.clock.date }

    init(world: World, process: SimulatedProcess) {
        self.world = world
        self.process = process
    }

    private func call<Answer>(
        _ what: @autoclosure () -> String, _ body: @escaping () async throws -> Answer
    ) async throws -> Answer {
        try await world.call(world.queueServer, process, link, what(), body)
    }

    func dispatch(_ entries: [DispatchEntry]) async throws {
        guard !entries.isEmpty else { return }
        try await call("dispatch \(entries.map(\.job))") { [self] in
            // Entries go one by one: a server that dies in between has the first ones.
            let count =
                world.has(.refusals) && world.random.once(in: 20) ? world.random.below(entries.count) : entries.count
            queue.content.dispatch(
                entries.prefix(count).filter { _ in queue.sabotage != .forgetsEntries || !world.random.once(in: 5) })
            queue.arrivals.signal()
            if count < entries.count { throw StoreError(.redis, .refused, "out of memory") }
        }
    }

    func claim(model: ModelFingerprint, by worker: WorkerID, limit: Int, wait: Duration) async throws -> [Delivery] {
        // A server may not notice at once that a client that blocks on it is gone.
        let isNoticed = world.random.once(in: 2)
        return try await call("claim \(limit)") { [self] in
            let deadline = world.simulator.now + VirtualTime(wait)
            while world.queueServer.isUp, process.isAlive || !isNoticed {
                if !repeated.isEmpty {
                    defer { repeated = [] }
                    return repeated
                }
                if isInterrupted {
                    isInterrupted = false
                    return []
                }
                world.queueServer.clock.set(world.simulator.now)
                let taken = queue.content.claim(model: model, by: worker, limit: limit, now: now)
                if !taken.isEmpty || world.simulator.now >= deadline { return taken }
                try await world.simulator.wait(world.simulator.network, until: deadline, on: queue.arrivals)
            }
            return []
        }
    }

    func interrupt() {
        guard process.isAlive else { return }
        isInterrupted = true
        queue.arrivals.signal()
    }

    /// As if the server had delivered these to it once more.
    func deliverAgain(_ deliveries: [Delivery]) {
        repeated += deliveries
        queue.arrivals.signal()
    }

    func renew(_ deliveries: [Delivery], by worker: WorkerID) async throws {
        guard !deliveries.isEmpty else { return }
        try await call("renew \(deliveries.map(\.job))") { [self] in
            queue.content.renew(deliveries, by: worker, now: now)
        }
    }

    func takeOver(
        model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int
    ) async throws -> [Delivery] {
        try await call("take over") { [self] in
            queue.content.takeOver(model: model, by: worker, idleFor: idleFor, limit: limit, now: now)
        }
    }

    func acknowledge(_ deliveries: [Delivery]) async throws {
        guard !deliveries.isEmpty else { return }
        try await call("acknowledge \(deliveries.map(\.job))") { [self] in queue.content.acknowledge(deliveries) }
    }

    func promoteDue(limit: Int) async throws -> (moved: Int, next: Duration?) {
        try await call("promote") { [self] in
            let answer = queue.content.promoteDue(limit: limit, now: now)
            if answer.moved > 0 { queue.arrivals.signal() }
            return answer
        }
    }

    func redeliverStranded(model: ModelFingerprint) async throws {
        try await call("redeliver") {}
    }

    func heldJobs(model: ModelFingerprint) async throws -> Set<JobID> {
        try await call("held jobs") { [self] in
            queue.sabotage == .pretendsToHoldEverything
                ? Set(world.memory.jobs.map(\.id)) : queue.content.heldJobs(model: model)
        }
    }

    func depth(model: ModelFingerprint) async throws -> QueueDepth {
        try await call("depth") { [self] in queue.content.depth(model: model) }
    }

    func epoch() async throws -> QueueEpoch {
        try await call("epoch") { [self] in QueueEpoch(id: queue.epoch, isNew: false) }
    }

    func lead(model: ModelFingerprint, by worker: WorkerID, for time: Duration) async throws -> Duration? {
        try await call("lead") { [self] in queue.content.lead(model: model, by: worker, for: time, now: now) }
    }

    func forget(_ worker: WorkerID, model: ModelFingerprint) async throws {
        try await call("forget") {}
    }
}

/// The fleet's embeddings over a connection of one process.
final class EmbeddingClient: EmbeddingStore, @unchecked Sendable {
    private let world: World
    private let process: SimulatedProcess
    let link = Link()

    init(world: World, process: SimulatedProcess) {
        self.world = world
        self.process = process
    }

    private func call<Answer>(
        _ what: @autoclosure () -> String, _ body: @escaping (MemoryEmbeddingStore) async throws -> Answer
    ) async throws -> Answer {
        try await world.call(world.queueServer, process, link, what()) { [world] in
            try await body(world.queue.embeddings)
        }
    }

    func embedding(for key: [UInt8]) async throws -> [UInt8]? {
        try await call("embedding") { try await $0.embedding(for: key) }
    }

    func store(_ embedding: [UInt8], for key: [UInt8], by holder: String) async throws {
        try await call("store an embedding") { try await $0.store(embedding, for: key, by: holder) }
    }

    func tryLock(_ key: [UInt8], holder: String, duration: Duration) async throws -> Bool {
        try await call("lock an embedding") { try await $0.tryLock(key, holder: holder, duration: duration) }
    }

    func unlock(_ key: [UInt8], holder: String) async throws {
        try await call("unlock an embedding") { try await $0.unlock(key, holder: holder) }
    }

    func count(_ hits: [EmbeddingSource: Int]) async throws {
        try await call("count embeddings") { try await $0.count(hits) }
    }

    func counters() async throws -> [EmbeddingSource: Int] {
        try await call("counters") { try await $0.counters() }
    }
}
