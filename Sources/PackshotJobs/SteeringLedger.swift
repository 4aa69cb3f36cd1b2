/// What an operator needs of the ledger to steer a fleet. Every method is one transaction, and throws ``StoreError``.
///
/// Workers hear of it at once: what changes work under way ends their ``JobLedger/waitForSignal(_:)``.
package protocol SteeringLedger: Sendable {
    /// Cancels selected jobs that are not final. A running one stops at its worker's next checkpoint; what it cost is kept.
    /// - Returns: How many.
    func cancel(_ selection: JobSelection) async throws -> Int

    /// Makes up to `limit` selected jobs available again that were discarded or cancelled, or wait for their next attempt. Their
    /// attempts count from zero again; the old ones stay on record.
    /// - Returns: Entries to dispatch; none when no more are selected.
    func retry(_ selection: JobSelection, limit: Int) async throws -> [DispatchEntry]

    /// Stops claims of a batch's jobs; running ones go on. Pausing a paused batch changes nothing.
    func pause(_ batch: BatchID) async throws

    /// Allows claims of a batch's jobs again. The queue is owed its jobs then: see ``JobLedger/owedJobs(model:after:grace:limit:)``.
    func resume(_ batch: BatchID) async throws

    /// Sets what a batch may cost in all, attempts already made included; nil for any amount. A batch that stopped because its
    /// budget was used up goes on if the new one allows it.
    func setBudget(_ batch: BatchID, _ limit: MicroDollars?) async throws

    /// Changes a model's limits in one step, so that what somebody else changes at the same time is not lost.
    /// - Returns: What they are then.
    @discardableResult
    func changeLimits(
        _ model: ModelFingerprint, _ change: @escaping @Sendable (inout ModelLimits) -> Void
    ) async throws -> ModelLimits

    /// Asks workers to stop claiming, finish and exit.
    /// - Returns: Those that are alive and were asked.
    func drain(_ workers: [WorkerID]) async throws -> [WorkerID]
}
