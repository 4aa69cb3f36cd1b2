/// How much of a batch's budget a claim sets aside before any of it is spent.
///
/// What is set aside is settled against what the attempt cost. As long as no attempt costs more than was set aside for it, the
/// budget is never exceeded, however many workers claim at once.
package struct Budget: Hashable, Sendable {
    /// What the batch may cost.
    package let limit: MicroDollars
    /// What its attempts cost so far, plus what is set aside for those that run.
    package let committed: MicroDollars

    package init(limit: MicroDollars, committed: MicroDollars) {
        self.limit = limit
        self.committed = committed
    }

    /// What a claim may do.
    package enum Decision: Hashable, Sendable {
        /// Set this much aside and begin.
        case reserve(MicroDollars)
        /// Others have set aside what is left; it may come back.
        case wait
        /// Nothing runs, and what is left does not pay for another image.
        case exhausted
    }

    /// Decides about one claim.
    ///
    /// One and a half times the dearest of the recent images, and a lease on top, because a worker that dies is charged to the
    /// end of its lease. Before the first image is known everything that is left is set aside, so that one image is made alone.
    /// - Parameters:
    ///   - dearest: Cost of the dearest of the batch's last images; nil before the first.
    ///   - leaseCost: Price of one lease.
    ///   - isIdle: No attempt of the batch runs.
    package func claim(dearest: MicroDollars?, leaseCost: MicroDollars, isIdle: Bool) -> Decision {
        let left = limit.rawValue - committed.rawValue
        guard let dearest else {
            guard isIdle else { return .wait }
            return left > leaseCost.rawValue ? .reserve(MicroDollars(rawValue: left)) : .exhausted
        }
        let wanted = dearest.rawValue + dearest.rawValue / 2 + 1 + leaseCost.rawValue
        if left >= wanted { return .reserve(MicroDollars(rawValue: wanted)) }
        return isIdle ? .exhausted : .wait
    }
}

/// Bounds on how fast a model's jobs may be worked on by the whole fleet.
package struct ModelLimits: Hashable, Codable, Sendable {
    /// Jobs running at the same time; nil for any number.
    package var maxRunning: Int?
    /// Jobs begun in a minute, spread evenly; nil for any number.
    package var perMinute: Int?
    /// Nothing is claimed.
    package var isPaused: Bool

    package init(maxRunning: Int? = nil, perMinute: Int? = nil, isPaused: Bool = false) {
        self.maxRunning = maxRunning
        self.perMinute = perMinute
        self.isPaused = isPaused
    }
}
