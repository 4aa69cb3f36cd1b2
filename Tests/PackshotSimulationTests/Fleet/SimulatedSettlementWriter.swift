import PackshotJobs

/// After `Sources/PackshotWorker/SettlementWriter.swift`: many settlements in one transaction, kept while the ledger is
/// away.
///
/// After ``giveUp(forGood:)`` each is still sent once, so that a worker whose grace time is over can hand back what it
/// holds.
final class SimulatedSettlementWriter {
    struct GaveUp: Error {}

    private final class Entry {
        let settlement: Settlement
        var outcome: Result<SettlementVerdict, any Error>?
        let decided = Condition()

        init(_ settlement: Settlement) { self.settlement = settlement }

        func decide(_ outcome: Result<SettlementVerdict, any Error>) {
            self.outcome = outcome
            decided.signal()
        }
    }

    private let world: World
    private let process: SimulatedProcess
    private let ledger: LedgerClient
    private var waiting: [Entry] = []
    private var isFlushing = false
    private var hasGivenUp = false
    private var isClosed = false

    init(_ world: World, _ process: SimulatedProcess, _ ledger: LedgerClient) {
        self.world = world
        self.process = process
        self.ledger = ledger
    }

    func settle(_ settlement: Settlement) async throws -> SettlementVerdict {
        if isClosed { throw GaveUp() }
        let entry = Entry(settlement)
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
    }
}
