internal import Logging
internal import PackshotJobs

/// Holds what attempts under way cost against what is set aside for them, and asks for more before that is used up.
///
/// The sampler asks whether to stop, at every checkpoint and without waiting for anybody. More is asked for with the heartbeat,
/// which comes several times while the lease is used up that every claim sets aside on top.
struct SpendingWatch: Sendable {
    let ledger: any JobLedger
    let rateCard: RateCard
    let lease: Duration
    let timeline: WorkerTimeline
    let logger: Logger

    /// Where an attempt stands; nil when it may cost any amount.
    func spending(of attempt: AttemptControl) -> Spending? {
        attempt.spendingLimit.map { limit in
            let (from, to) = timeline.openStretch(claimedAt: attempt.claimedAt)
            return Spending(
                limit: limit, spent: rateCard.price(fromMicroseconds: from, to: to),
                leaseCost: rateCard.price(fromMicroseconds: 0, to: lease.wholeMicroseconds))
        }
    }

    /// - Throws: ``SpendingLimitReached`` when the attempt has cost what was set aside for it.
    func check(_ attempt: AttemptControl) throws {
        if spending(of: attempt)?.isOver == true { throw SpendingLimitReached() }
    }

    /// Asks for more for those attempts in the sampler that need it. One that gets no more goes on: what it has is its own.
    func askForMore(for attempts: [AttemptControl]) async {
        for attempt in attempts where attempt.samplingMark != nil {
            guard let spending = spending(of: attempt), spending.isNearLimit else { continue }
            let progress = attempt.progress
            let request = spending.request(step: progress.step, of: progress.steps)
            do {
                if let granted = try await ledger.reserve(request, for: attempt.attempt) {
                    attempt.allow(granted)
                } else {
                    logger.warning(
                        "the budget has no more for an image that costs more than expected",
                        metadata: [
                            "job": "\(attempt.job)", "set aside": "\(spending.limit)", "spent": "\(spending.spent)",
                            "needed": "\(request.needed)",
                        ])
                }
            } catch {
                logger.warning(
                    "cannot ask for more of a budget; trying again with the next heartbeat",
                    metadata: ["job": "\(attempt.job)", "error": "\(error)"])
            }
        }
    }
}

/// Thrown out of the sampler when an attempt has cost what was set aside for it.
struct SpendingLimitReached: Error {}
