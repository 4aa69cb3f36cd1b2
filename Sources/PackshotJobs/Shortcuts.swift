/// What the sampler may leave out for speed; the pixels change. nil fields leave nothing out.
package struct Shortcuts: Hashable, Codable, Sendable {
    /// Share of change up to which a step reuses an earlier one's blocks, above 0 and up to 1.
    package var stepCache: Double?
    /// Share of the steps, the last ones, that are guided, above 0 and up to 1.
    package var guidanceShare: Double?
    /// 2 for a solver that also uses the step before, so that fewer steps do; nil and 1 for Euler's.
    package var solverOrder: Int?
    /// Bits of mantissa that the blocks' products see of an activation, 8 or 16; nil and 24 for all.
    package var activationBits: Int?

    /// What `stepCache` may be; 0 leaves nothing out.
    package static let stepCaches = 0.0...1.0
    /// What `guidanceShare` may be: the largest number of steps has one in a thousand; 1 leaves nothing out.
    package static let guidanceShares = 0.001...1.0
    /// What `solverOrder` may be; 1 leaves nothing out.
    package static let solverOrders = 1...2
    /// What `activationBits` may be; 24 leaves nothing out.
    package static let activationBits = [8, 16, 24]

    /// - Returns: nil when nothing is left out, so that an exact image's settings read as they always did.
    package init?(
        stepCache: Double? = nil, guidanceShare: Double? = nil, solverOrder: Int? = nil, activationBits: Int? = nil
    ) {
        self.stepCache = stepCache.flatMap { $0 > 0 ? $0 : nil }
        self.guidanceShare = guidanceShare.flatMap { $0 < 1 ? $0 : nil }
        self.solverOrder = solverOrder.flatMap { $0 > 1 ? $0 : nil }
        self.activationBits = activationBits.flatMap { $0 < 24 ? $0 : nil }
        if self.stepCache == nil, self.guidanceShare == nil, self.solverOrder == nil, self.activationBits == nil {
            return nil
        }
    }

    /// For the job's identity: equal texts, equal shortcuts.
    var identity: String {
        let others = "\(stepCache?.bitPattern ?? 0):\(guidanceShare?.bitPattern ?? 0):\(solverOrder ?? 1)"
        // As before there were bits, so that jobs of then keep their identity.
        return activationBits.map { "\(others):\($0)" } ?? others
    }
}

/// The shortcuts an image was made with, and what they left out. Encoded as ``Shortcuts`` are, with `reusedSteps` beside them.
package struct ShortcutsTaken: Hashable, Encodable, Sendable {
    package let shortcuts: Shortcuts
    /// Steps that reused an earlier one's work; nil without a step cache.
    package let reusedSteps: Int?

    package init(_ shortcuts: Shortcuts, reusedSteps: Int) {
        self.shortcuts = shortcuts
        self.reusedSteps = shortcuts.stepCache == nil ? nil : reusedSteps
    }

    private enum CodingKeys: CodingKey {
        case reusedSteps
    }

    package func encode(to encoder: any Encoder) throws {
        try shortcuts.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(reusedSteps, forKey: .reusedSteps)
    }
}
