/// Whose jobs these are, for the queue's fairness: within a lane, shares with jobs waiting are served in proportion to their
/// weights, however many jobs each has.
package struct QueueShare: Hashable, Sendable {
    /// A tenant's name, or the batch's own when it has none.
    package let name: String
    /// 1 for an equal share, up to 1000.
    package let weight: Int

    package static let weights = 1...1000
    /// The share of jobs that belong to nobody in particular.
    package static let common = QueueShare(name: "common")

    package init(name: String, weight: Int = 1) {
        precondition(Self.weights.contains(weight), "weights run from 1 to 1000")
        self.name = name
        self.weight = weight
    }

    /// The share of a batch: its tenant's, or its own.
    package init(batch: BatchID, tenant: String, weight: Int) {
        self.init(name: tenant.isEmpty ? "batch \(batch.rawValue)" : "tenant \(tenant)", weight: weight)
    }
}
