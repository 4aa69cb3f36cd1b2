internal import Logging
internal import PackshotJobs

/// Tells the ledger how attempts ended, many in one transaction.
///
/// Group commit without timers: while one transaction is under way, what arrives waits and goes with the next. When the
/// ledger is away, settlements are kept and tried again with backoff until ``giveUp()``: a finished image is never
/// thrown away because the database was restarting.
actor SettlementWriter {
    /// Thrown to callers whose settlement was still waiting for the ledger at ``giveUp()``.
    struct GaveUp: Error {}

    private static let largestGroup = 512

    private let ledger: any JobLedger
    private let logger: Logger
    private var waiting: [(Settlement, CheckedContinuation<SettlementVerdict, any Error>)] = []
    private var isFlushing = false
    private var hasGivenUp = false

    init(ledger: any JobLedger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
    }

    /// Returns once the settlement is durable.
    /// - Throws: ``GaveUp``; a ``StoreError`` that trying again cannot mend.
    func settle(_ settlement: Settlement) async throws -> SettlementVerdict {
        if hasGivenUp { throw GaveUp() }
        return try await withCheckedThrowingContinuation { continuation in
            waiting.append((settlement, continuation))
            if !isFlushing {
                isFlushing = true
                Task { await flush() }
            }
        }
    }

    /// Stops waiting for a ledger that is away.
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
                    let verdicts = try await ledger.settle(group.map { $0.0 })
                    for (entry, verdict) in zip(group, verdicts) { entry.1.resume(returning: verdict) }
                    break
                } catch let error as StoreError where error.isTransient && !hasGivenUp {
                    logger.warning(
                        "ledger is away; keeping finished work",
                        metadata: ["attempts": "\(group.count)", "error": "\(error)"])
                    await backoff.wait()
                } catch {
                    let failure: any Error = hasGivenUp ? GaveUp() : error
                    for entry in group { entry.1.resume(throwing: failure) }
                    break
                }
            }
        }
        isFlushing = false
    }
}
