package import ArgumentParser
package import PackshotJobs

/// The options that buy speed with likeness; each is one number, off unless given.
package struct ShortcutOptions: ParsableArguments {
    @Option(
        name: .customLong("step-cache"),
        help: "Reuse the step before while the first block's output changed by at most this share, such as 0.1.")
    package var stepCache: Double?

    @Option(
        name: .customLong("guidance-share"),
        help: "Guide only this share of the steps, the last ones, such as 0.5; those before take half the time.")
    package var guidanceShare: Double?

    @Option(
        name: .customLong("solver-order"),
        help: "2 uses the step before too, so that fewer --steps do; 1 is Euler's, as in the reference.")
    package var solverOrder: Int?

    @Option(
        name: .customLong("activation-bits"),
        help: "Round what the blocks' products see to 16 or 8 bits; saves time on CPUs with a tile unit. 24 is exact.")
    package var activationBits: Int?

    package init() {}

    package func validate() throws {
        guard Shortcuts.stepCaches.contains(stepCache ?? 0) else {
            throw ValidationError("--step-cache is 0 (off) to 1")
        }
        guard Shortcuts.guidanceShares.contains(guidanceShare ?? 1) else {
            throw ValidationError("--guidance-share is 0.001 to 1 (all steps)")
        }
        guard Shortcuts.solverOrders.contains(solverOrder ?? 1) else {
            throw ValidationError("--solver-order is 1 or 2")
        }
        guard Shortcuts.activationBits.contains(activationBits ?? 24) else {
            throw ValidationError("--activation-bits is 24 (all), 16 or 8")
        }
    }

    /// What was asked for; nil for the exact image.
    package var shortcuts: Shortcuts? {
        Shortcuts(
            stepCache: stepCache, guidanceShare: guidanceShare, solverOrder: solverOrder,
            activationBits: activationBits)
    }
}
