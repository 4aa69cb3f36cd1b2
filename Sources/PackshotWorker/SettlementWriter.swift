internal import Logging
internal import PackshotJobs
internal import Synchronization

/// Tells the ledger how attempts ended, many in one transaction, and then the queue, many in one call.
///
/// Group commit without timers: while one transaction is under way, what arrives waits and goes with the next; the queue
/// hears of a group while the ledger takes the next. When the ledger is away, settlements are kept and tried again with
/// backoff until ``giveUp()``: a finished image is never thrown away because the database was restarting. An attempt is in
/// hand until it is settled.
final class SettlementWriter: Sendable {
    private static let largestGroup = 512

    private struct Entry {
        let settlement: Settlement
        let attempt: HeldAttempt
        let whenInVain: @Sendable () async -> Void
    }

    private struct State {
        var waiting: [Entry] = []
        /// The task that writes; nil when nothing waits.
        var writing: Task<Void, Never>?
        var hasGivenUp = false
    }

    let ledger: any JobLedger
    private let queue: any JobQueue
    private let attempts: AttemptsInHand
    private let logger: Logger
    private let state = Mutex(State())

    init(ledger: any JobLedger, queue: any JobQueue, attempts: AttemptsInHand, logger: Logger) {
        self.ledger = ledger
        self.queue = queue
        self.attempts = attempts
        self.logger = logger
    }

    /// Settles an attempt before long. Once the settlement is durable the delivery is acknowledged, and dispatched again if
    /// it was given back, as far as the queue can be reached: what it misses, it is told when it delivers the job again.
    /// - Parameter whenInVain: Called if the ledger refuses it, or the job is cancelled or discarded with it; ``finish()`` waits
    ///   for it too.
    func add(_ settlement: Settlement, of attempt: HeldAttempt, whenInVain: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.waiting.append(Entry(settlement: settlement, attempt: attempt, whenInVain: whenInVain))
            if state.writing == nil { state.writing = Task { await write() } }
        }
    }

    /// Stops waiting for a ledger that is away: what is left is sent once more, and what comes, once.
    func giveUp() {
        state.withLock { $0.hasGivenUp = true }
    }

    /// Returns when all that was added is settled or given up, and the queue told of it.
    func finish() async {
        while let writing = state.withLock(\.writing) { await writing.value }
    }

    private func nextGroup() -> [Entry]? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.writing = nil
                return nil
            }
            var group: [Entry] = []
            swap(&group, &state.waiting)
            state.waiting.append(contentsOf: group.dropFirst(Self.largestGroup))
            group.removeLast(state.waiting.count)
            return group
        }
    }

    private func write() async {
        // Awaited before the task says that it has nothing to do, so that ``finish()`` waits for it too.
        var telling: Task<Void, Never>?
        while true {
            let isIdle = state.withLock(\.waiting.isEmpty)
            if isIdle { await telling?.value }
            guard let group = nextGroup() else { return }
            guard let verdicts = await settle(group) else { continue }
            await telling?.value
            telling = Task { await tellQueue(group, verdicts) }
        }
    }

    /// - Returns: nil when the group was given up.
    private func settle(_ group: [Entry]) async -> [SettlementVerdict]? {
        defer { attempts.remove(group.map(\.settlement.job)) }
        var backoff = Backoff()
        while true {
            do {
                let verdicts = try await ledger.settle(group.map(\.settlement))
                for (entry, verdict) in zip(group, verdicts) {
                    switch verdict {
                    case .stale:
                        logger.warning(
                            "refused as stale: the job was taken over", metadata: ["job": "\(entry.settlement.job)"])
                        await entry.whenInVain()
                    case .accepted(.cancelled), .accepted(.discarded): await entry.whenInVain()
                    case .accepted: break
                    }
                }
                return verdicts
            } catch {
                guard let store = error as? StoreError, store.isTransient, !state.withLock(\.hasGivenUp) else {
                    // The ledger is the truth: a job it holds as running comes back after the lease, one it holds as done
                    // is acknowledged when the queue delivers it again.
                    logger.warning(
                        "attempts not settled",
                        metadata: [
                            "jobs": "\(group.map { String($0.settlement.job.rawValue) }.joined(separator: " "))",
                            "error": "\(error)",
                        ])
                    return nil
                }
                logger.warning(
                    "ledger is away; keeping finished work",
                    metadata: ["attempts": "\(group.count)", "error": "\(error)"])
                await backoff.wait()
            }
        }
    }

    private func tellQueue(_ group: [Entry], _ verdicts: [SettlementVerdict]) async {
        do {
            try await queue.acknowledge(group.map(\.attempt.delivery))
            let again = zip(group, verdicts).filter { $0.1 == .accepted(.available) }.map { entry, _ in
                DispatchEntry(
                    job: entry.settlement.job, lane: entry.attempt.delivery.lane, share: entry.attempt.job.share,
                    notBefore: nil)
            }
            if !again.isEmpty { try await queue.dispatch(again) }
        } catch {
            // The ledger is the truth: what it holds as done is acknowledged when the queue delivers it again.
            logger.warning("the queue was not told of settled attempts", metadata: ["error": "\(error)"])
        }
    }
}
