internal import Logging
internal import PackshotJobs
internal import Synchronization

/// Tells the ledger how attempts ended, many in one transaction, and then the queue, many in one call.
///
/// Group commit without timers: while one transaction is under way, what arrives waits and goes with the next; the queue
/// hears of a group while the ledger takes the next. When the ledger is away, settlements are kept and tried again with
/// backoff until ``giveUp()``: a finished image is never thrown away because the database was restarting. Where the ledger
/// refuses a group for good, it is sent in halves, down to the one that is refused: the others lose nothing by it. An attempt
/// is in hand until it is settled.
final class SettlementWriter: Sendable {
    private static let largestGroup = 512

    private struct Entry: Sendable {
        let settlement: Settlement
        let attempt: HeldAttempt
        let whenInVain: @Sendable () async -> Void
    }

    private struct Settled: Sendable {
        let entry: Entry
        let verdict: SettlementVerdict

        /// Nothing came of the attempt, nor will of its job.
        var isInVain: Bool { [.stale, .accepted(.cancelled), .accepted(.discarded)].contains(verdict) }
    }

    let ledger: any JobLedger
    private let queue: any JobQueue
    private let attempts: AttemptsInHand
    private let environment: WorkerEnvironment
    private let logger: Logger
    private let waiting = Mailbox<Entry>()
    private let settled = Mailbox<Settled>()
    private let hasGivenUp = Atomic(false)

    init(
        ledger: any JobLedger, queue: any JobQueue, attempts: AttemptsInHand, environment: WorkerEnvironment,
        logger: Logger
    ) {
        self.ledger = ledger
        self.queue = queue
        self.attempts = attempts
        self.environment = environment
        self.logger = logger
    }

    /// Settles an attempt before long. Once the settlement is durable the delivery is acknowledged, and dispatched again if
    /// it was given back, as far as the queue can be reached: what it misses, it is told when it delivers the job again.
    /// - Parameter whenInVain: Called if the ledger refuses it, or the job is cancelled or discarded with it; ``run()`` waits
    ///   for it too.
    func add(_ settlement: Settlement, of attempt: HeldAttempt, whenInVain: @escaping @Sendable () async -> Void) {
        waiting.send([Entry(settlement: settlement, attempt: attempt, whenInVain: whenInVain)])
    }

    /// Says that nothing more will be added.
    func close() {
        waiting.close()
    }

    /// Stops waiting for a ledger that is away: what is left is sent once more, and what comes, once.
    func giveUp() {
        hasGivenUp.store(true, ordering: .relaxed)
    }

    /// Works until ``close()`` was called and all that was added is settled or given up, and the queue told of it; or until the
    /// task is cancelled, which drops what is left.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.settleLoop() }
            group.addTask { await self.tellLoop() }
        }
    }

    private func settleLoop() async {
        defer { settled.close() }
        while true {
            var entries = await waiting.takeAll()[...]
            if entries.isEmpty { return }
            while !entries.isEmpty, !Task.isCancelled {
                let group = Array(entries.prefix(Self.largestGroup))
                entries = entries.dropFirst(group.count)
                let done = await settle(group)
                for settled in done where settled.isInVain { await settled.entry.whenInVain() }
                attempts.remove(group.map(\.settlement.job))
                settled.send(done)
            }
        }
    }

    private func tellLoop() async {
        while true {
            let group = await settled.takeAll()
            if group.isEmpty { return }
            await tellQueue(group)
        }
    }

    /// - Returns: Those that the ledger has judged; the others are given up.
    private func settle(_ group: [Entry]) async -> [Settled] {
        var backoff = Backoff(environment)
        while !Task.isCancelled {
            do {
                let verdicts = try await ledger.settle(group.map(\.settlement))
                return zip(group, verdicts).map(Settled.init)
            } catch let error as StoreError where !error.isRefusedForGood && !hasGivenUp.load(ordering: .relaxed) {
                logger.warning(
                    "ledger is away; keeping finished work",
                    metadata: ["attempts": "\(group.count)", "error": "\(error)"])
                await backoff.wait()
            } catch let error as StoreError where error.isRefusedForGood && group.count > 1 {
                let half = group.count / 2
                return await settle(Array(group[..<half])) + settle(Array(group[half...]))
            } catch {
                // The ledger is the truth: a job it holds as running comes back after the lease, one it holds as done
                // is acknowledged when the queue delivers it again.
                logger.warning(
                    "attempts not settled",
                    metadata: [
                        "jobs": "\(group.map { String($0.settlement.job.rawValue) }.joined(separator: " "))",
                        "error": "\(error)",
                    ])
                return []
            }
        }
        return []
    }

    private func tellQueue(_ group: [Settled]) async {
        for settled in group where settled.verdict == .stale {
            let what: Logger.Message =
                switch settled.entry.attempt.control.stopReason {
                case .cancelled: "the job was cancelled before this attempt ended; its time is recorded as waste"
                case .lost: "refused as stale: the job was taken over"
                case .shutdown, nil: "refused as stale: the job was taken over or cancelled"
                }
            logger.warning(what, metadata: ["job": "\(settled.entry.settlement.job)"])
        }
        do {
            try await queue.acknowledge(group.map(\.entry.attempt.delivery))
            let again = group.filter { $0.verdict == .accepted(.available) }.map { settled in
                let (job, delivery) = (settled.entry.attempt.job, settled.entry.attempt.delivery)
                return DispatchEntry(
                    job: job.id, lane: QueueLane(model: job.model, priority: delivery.lane.priority), share: job.share,
                    notBefore: nil)
            }
            if !again.isEmpty { try await queue.dispatch(again) }
        } catch {
            // The ledger is the truth: what it holds as done is acknowledged when the queue delivers it again.
            logger.warning("the queue was not told of settled attempts", metadata: ["error": "\(error)"])
        }
    }
}
