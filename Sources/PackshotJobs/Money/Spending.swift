/// What an attempt under way asks to have set aside for it, in all.
package struct SpendingRequest: Hashable, Sendable {
    /// Less than this is of no use: it will cost about as much.
    package let needed: MicroDollars
    /// What is enough, with some to spare.
    package let wanted: MicroDollars

    package init(needed: MicroDollars, wanted: MicroDollars) {
        self.needed = needed
        self.wanted = wanted
    }
}

/// Where an attempt under way stands with what was set aside for it.
package struct Spending: Hashable, Sendable {
    /// What is set aside for it; the last lease of that is for the case that its worker dies.
    package let limit: MicroDollars
    /// What it cost so far.
    package let spent: MicroDollars
    /// Price of one lease.
    package let leaseCost: MicroDollars

    package init(limit: MicroDollars, spent: MicroDollars, leaseCost: MicroDollars) {
        self.limit = limit
        self.spent = spent
        self.leaseCost = leaseCost
    }

    /// It is to stop at once.
    package var isOver: Bool { spent >= limit }

    /// It needs what was meant for a dead worker's lease: time to ask for more. The answer has the rest of that lease to come.
    package var isNearLimit: Bool {
        spent.rawValue >= limit.rawValue - min(leaseCost.rawValue, limit.rawValue / 2)
    }

    /// What it should ask for, from how far it is: as much as all steps cost at the pace of those done.
    package func request(step: Int, of steps: Int) -> SpendingRequest {
        let pace = step > 0 ? max(1, Double(steps) / Double(step)) : 2
        // A price of ten billion dollars is as good as any larger one.
        let expected = Int64(min(Double(spent.rawValue) * pace, 1e16).rounded(.up))
        return SpendingRequest(
            needed: MicroDollars(rawValue: expected),
            wanted: MicroDollars(rawValue: expected + expected / 2 + 1 + leaseCost.rawValue))
    }
}
