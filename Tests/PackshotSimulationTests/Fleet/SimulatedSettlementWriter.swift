import PackshotJobs

/// After `Sources/PackshotWorker/SettlementWriter.swift`: many settlements in one transaction, kept while the ledger is
/// away, and then the queue is told.
///
/// After ``giveUp(forGood:)`` each is still sent once, so that a worker whose grace time is over can hand back what it
/// holds.
final class SimulatedSettlementWriter {
    struct GaveUp: Error {}

    private final class Entry {
        let settlement: Settlement
        let delivery: Delivery
        let share: QueueShare
        var outcome: Result<SettlementVerdict, any Error>?
        let decided = Condition()

        init(_ settlement: Settlement, of attempt: HeldAttempt) {
            self.settlement = settlement
            delivery = attempt.delivery
            share = attempt.job.share
        }

        func decide(_ outcome: Result<SettlementVerdict, any Error>) {
            self.outcome = outcome
            decided.signal()
        }
    }

    private let world: World
    private let process: SimulatedProcess
    private let ledger: LedgerClient
    private let queue: QueueClient
    private var waiting: [Entry] = []
    private var isFlushing = false
    private var hasGivenUp = false
    private var isClosed = false
    private let idle = Condition()

    init(_ world: World, _ process: SimulatedProcess, _ ledger: LedgerClient, _ queue: QueueClient) {
        self.world = world
        self.process = process
        self.ledger = ledger
        self.queue = queue
    }

    func settle(_ settlement: Settlement, of attempt: HeldAttempt) async throws -> SettlementVerdict {
        if isClosed { throw GaveUp() }
        let entry = Entry(settlement, of: attempt)
        waiting.append(entry)
        if !isFlushing {
            isFlushing = true
            world.spawn { [self] in try await flush() }
        }
        while true {
            if let outcome = entry.outcome { return try outcome.get() }
            try await world.simulator.wait(process, until: nil, on: entry.decided)
        }
    }

    func giveUp(forGood isClosed: Bool) {
        hasGivenUp = true
        self.isClosed = isClosed
    }

    private func flush() async throws {
        while !waiting.isEmpty {
            let group = Array(waiting.prefix(512))
            waiting.removeFirst(group.count)
            var backoff = SimulatedBackoff()
            while true {
                do {
                    let verdicts = try await ledger.settle(group.map(\.settlement))
                    for (entry, verdict) in zip(group, verdicts) { entry.decide(.success(verdict)) }
                    try world.dieSometimes(process, "between settlement and acknowledgement")
                    try await tellQueue(group, verdicts)
                    break
                } catch let error as StoreError where error.isTransient && !hasGivenUp {
                    try await backoff.wait(process, world)
                } catch let error as StoreError {
                    for entry in group { entry.decide(.failure(hasGivenUp ? GaveUp() : error)) }
                    break
                }
            }
        }
        isFlushing = false
        idle.signal()
    }

    private func tellQueue(_ group: [Entry], _ verdicts: [SettlementVerdict]) async throws {
        do {
            try await queue.acknowledge(group.map(\.delivery))
            try await queue.dispatch(
                zip(group, verdicts).filter { $0.1 == .accepted(.available) }.map { entry, _ in
                    DispatchEntry(
                        job: entry.settlement.job, lane: entry.delivery.lane, share: entry.share, notBefore: nil)
                })
        } catch is StoreError {}
    }

    /// Returns when the queue has been told of everything, too.
    func finish() async throws {
        while isFlushing, world.sabotage?.worker != .leavesBeforeTheQueueKnows {
            try await world.simulator.wait(process, until: nil, on: idle)
        }
    }
}
