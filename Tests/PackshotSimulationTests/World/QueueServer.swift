import PackshotJobs
import PackshotTestSupport

/// The queue's machine: the entries, and what may happen to them there.
final class QueueServer {
    var content = MemoryQueueContent()
    /// Earlier contents, oldest first.
    private(set) var copies: [MemoryQueueContent] = []
    /// Grows with every start of the server, as Redis's `run_id` changes.
    var life = 0
    /// Signalled when there may be something for claims that wait.
    let arrivals = Condition()
    let sabotage: Sabotage.Queue?
    private var markers: [String] = []

    init(sabotage: Sabotage.Queue?) { self.sabotage = sabotage }

    func keepCopy() {
        if copies.count >= 8 { copies.removeFirst() }
        copies.append(content)
    }

    func wipe() { content = MemoryQueueContent() }

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
struct QueueClient {
    let world: World
    let process: SimulatedProcess
    let worker: WorkerID
    let link = Link()
    let state = State()

    final class State {
        var isInterrupted = false
    }

    private var queue: QueueServer { world.queue }
    private var model: ModelFingerprint { world.modelRecord.fingerprint }

    private func call<Answer>(
        _ what: @autoclosure () -> String, _ body: @escaping () async throws -> Answer
    ) async throws -> Answer {
        try await world.call(world.queueServer, process, link, what(), body)
    }

    func dispatch(_ entries: [DispatchEntry]) async throws {
        guard !entries.isEmpty else { return }
        try await call("dispatch \(entries.map(\.job))") {
            // Entries go one by one: a server that dies in between has the first ones.
            let count =
                world.has(.refusals) && world.random.once(in: 20) ? world.random.below(entries.count) : entries.count
            queue.content.dispatch(
                entries.prefix(count).filter { _ in queue.sabotage != .forgetsEntries || !world.random.once(in: 5) })
            queue.arrivals.signal()
            if count < entries.count { throw StoreError(.redis, .refused, "out of memory") }
        }
    }

    func claim(limit: Int, wait: VirtualTime) async throws -> [Delivery] {
        // A server may not notice at once that a client that blocks on it is gone.
        let isNoticed = world.random.once(in: 2)
        return try await call("claim \(limit)") {
            let deadline = world.simulator.now + wait
            while world.queueServer.isUp, process.isAlive || !isNoticed {
                if state.isInterrupted {
                    state.isInterrupted = false
                    return []
                }
                world.queueServer.clock.set(world.simulator.now)
                let taken = queue.content.claim(
                    model: model, by: worker, limit: limit, now: world.queueServer.clock.date)
                if !taken.isEmpty || world.simulator.now >= deadline { return taken }
                try await world.simulator.wait(world.simulator.network, until: deadline, on: queue.arrivals)
            }
            return []
        }
    }

    func interrupt() {
        state.isInterrupted = true
        queue.arrivals.signal()
    }

    func renew(_ deliveries: [Delivery]) async throws {
        guard !deliveries.isEmpty else { return }
        try await call("renew \(deliveries.map(\.job))") {
            queue.content.renew(deliveries, by: worker, now: world.queueServer.clock.date)
        }
    }

    func takeOver(idleFor: Duration, limit: Int) async throws -> [Delivery] {
        try await call("take over") {
            queue.content.takeOver(
                model: model, by: worker, idleFor: idleFor, limit: limit, now: world.queueServer.clock.date)
        }
    }

    func acknowledge(_ deliveries: [Delivery]) async throws {
        guard !deliveries.isEmpty else { return }
        try await call("acknowledge \(deliveries.map(\.job))") { queue.content.acknowledge(deliveries) }
    }

    func promoteDue(limit: Int) async throws -> VirtualTime? {
        try await call("promote") {
            let (moved, next) = queue.content.promoteDue(limit: limit, now: world.queueServer.clock.date)
            if moved > 0 { queue.arrivals.signal() }
            return next.map { VirtualTime($0) }
        }
    }

    func heldJobs() async throws -> Set<JobID> {
        try await call("held jobs") {
            queue.sabotage == .pretendsToHoldEverything
                ? Set(world.memory.jobs.map(\.id)) : queue.content.heldJobs(model: model)
        }
    }

    func epoch() async throws -> String {
        try await call("epoch") { queue.epoch }
    }

    func lead(for time: Duration) async throws -> VirtualTime? {
        try await call("lead") {
            queue.content.lead(
                model: model, by: worker, for: time, now: world.queueServer.clock.date
            ).map { VirtualTime($0) }
        }
    }

    func forget() async throws {
        try await call("forget") {}
    }
}
