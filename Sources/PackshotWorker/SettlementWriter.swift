internal import Logging
internal import PackshotJobs

/// Tells the ledger how attempts ended, many in one transaction, and then the queue, many in one call.
///
/// Group commit without timers: while one transaction is under way, what arrives waits and goes with the next. When the
/// ledger is away, settlements are kept and tried again with backoff until ``giveUp()``: a finished image is never
/// thrown away because the database was restarting.
actor SettlementWriter {
    /// Thrown to callers whose settlement was still waiting for the ledger at ``giveUp()``.
    struct GaveUp: Error {}

    private static let largestGroup = 512

    private struct Entry {
        let settlement: Settlement
        let delivery: Delivery
        let share: QueueShare
        let continuation: CheckedContinuation<SettlementVerdict, any Error>
    }

    nonisolated let ledger: any JobLedger
    private let queue: any JobQueue
    private let logger: Logger
    private var waiting: [Entry] = []
    private var isFlushing = false
    private var hasGivenUp = false

    init(ledger: any JobLedger, queue: any JobQueue, logger: Logger) {
        self.ledger = ledger
        self.queue = queue
        self.logger = logger
    }

    /// Returns once the settlement is durable. The delivery is then acknowledged, and dispatched again if it was given back,
    /// as far as the queue can be reached: what it misses, it is told when it delivers the job again.
    /// - Throws: ``GaveUp``; a ``StoreError`` that trying again cannot mend.
    func settle(_ settlement: Settlement, of attempt: HeldAttempt) async throws -> SettlementVerdict {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append(
                Entry(
                    settlement: settlement, delivery: attempt.delivery, share: attempt.job.share,
                    continuation: continuation))
            if !isFlushing {
                isFlushing = true
                Task { await flush() }
            }
        }
    }

    /// Stops waiting for a ledger that is away: what comes now is tried once, so that a worker that leaves still hands back.
    func giveUp() {
        hasGivenUp = true
    }

    private func flush() async {
        while !waiting.isEmpty {
            let group = Array(waiting.prefix(Self.largestGroup))
            waiting.removeFirst(group.count)
            var backoff = Backoff()
            while true {
                do {
                    let verdicts = try await ledger.settle(group.map(\.settlement))
                    for (entry, verdict) in zip(group, verdicts) { entry.continuation.resume(returning: verdict) }
                    await tellQueue(group, verdicts)
                    break
                } catch let error as StoreError where error.isTransient && !hasGivenUp {
                    logger.warning(
                        "ledger is away; keeping finished work",
                        metadata: ["attempts": "\(group.count)", "error": "\(error)"])
                    await backoff.wait()
                } catch {
                    let failure: any Error = hasGivenUp ? GaveUp() : error
                    for entry in group { entry.continuation.resume(throwing: failure) }
                    break
                }
            }
        }
        isFlushing = false
    }

    private func tellQueue(_ group: [Entry], _ verdicts: [SettlementVerdict]) async {
        do {
            try await queue.acknowledge(group.map(\.delivery))
            let again = zip(group, verdicts).filter { $0.1 == .accepted(.available) }.map { entry, _ in
                DispatchEntry(
                    job: entry.settlement.job, lane: entry.delivery.lane, share: entry.share, notBefore: nil)
            }
            if !again.isEmpty { try await queue.dispatch(again) }
        } catch {
            // The ledger is the truth: what it holds as done is acknowledged when the queue delivers it again.
            logger.warning("the queue was not told of settled attempts", metadata: ["error": "\(error)"])
        }
    }
}
