/// What a batch may cost, and how much of that is set aside for each attempt before any of it is spent.
///
/// What is set aside is settled against what the attempt cost. As long as no attempt costs more than was set aside for it, the
/// budget is never exceeded, however many workers claim at once. An attempt that needs more asks for it under way; one that
/// gets no more is stopped and given back, and never counts against its job.
package struct Budget: Hashable, Sendable {
    /// What the batch may cost.
    package let limit: MicroDollars
    /// What its attempts cost so far, plus what is set aside for those that run.
    package let committed: MicroDollars

    package init(limit: MicroDollars, committed: MicroDollars) {
        self.limit = limit
        self.committed = committed
    }

    private var left: Int64 { limit.rawValue - committed.rawValue }

    /// What a claim may do.
    package enum Decision: Hashable, Sendable {
        /// Set this much aside and begin.
        case reserve(MicroDollars)
        /// Others have set aside what is left; it may come back.
        case wait
        /// Nothing runs, and what is left does not pay for this image: it takes so much.
        case exhausted(needed: MicroDollars)
    }

    /// Decides about one claim.
    ///
    /// Set aside is the price of what the image will take and of a lease on top, because a worker that dies is charged to the
    /// end of its lease. Nobody knows what the first image of a model takes. For that one everything that is left is set aside,
    /// and it is made alone; so is one whose work is only guessed at from others and whose guess does not fit.
    /// - Parameters:
    ///   - estimate: What the image will take; nil when nothing is known.
    ///   - card: What the claimer costs.
    ///   - lease: Length of its lease, in microseconds.
    ///   - isIdle: No attempt of the batch runs.
    package func claim(
        _ estimate: WorkRecord.Estimate?, at card: RateCard, lease: Int64, isIdle: Bool
    ) -> Decision {
        let lease = card.price(fromMicroseconds: 0, to: lease).rawValue
        let wanted = estimate.map { card.price(fromMicroseconds: 0, to: $0.microseconds).rawValue + 1 + lease }
        if let wanted, left >= wanted { return .reserve(MicroDollars(rawValue: wanted)) }
        guard isIdle else { return .wait }
        if let wanted, estimate?.isMeasured == true { return .exhausted(needed: MicroDollars(rawValue: wanted)) }
        return left > lease
            ? .reserve(MicroDollars(rawValue: left)) : .exhausted(needed: MicroDollars(rawValue: lease + 1))
    }

    /// Decides how much an attempt under way has set aside from now on.
    /// - Parameters:
    ///   - reserved: What it has set aside.
    ///   - request: What it asks for.
    /// - Returns: What it has set aside then, more than before; nil when the budget does not pay for what it needs at least.
    package func extend(_ reserved: MicroDollars, to request: SpendingRequest) -> MicroDollars? {
        let granted = min(request.wanted.rawValue, reserved.rawValue + max(0, left))
        guard granted > reserved.rawValue, granted >= request.needed.rawValue else { return nil }
        return MicroDollars(rawValue: granted)
    }
}
