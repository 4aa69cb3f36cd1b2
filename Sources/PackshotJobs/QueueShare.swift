/// Whose turn a job takes: jobs of one priority are begun in turns of their shares, in proportion to their weights, whatever
/// the order they were submitted in.
package struct QueueShare: Hashable, Sendable {
    /// Who shares: a tenant, or a batch that was submitted without one.
    package let name: String
    /// How many turns it gets for each one of a share of weight 1.
    package let weight: Int

    /// The weights there are.
    package static let weights = 1...100

    /// How many turns of weight 1 a share that comes makes up for at most: as many as others' jobs that are under way or settled
    /// to be next, up to so many.
    package static let mostMadeUpFor = 64

    /// The share of jobs nobody named one for.
    package static let common = QueueShare(name: "common", weight: 1)

    package init(name: String, weight: Int) {
        precondition(Self.weights.contains(weight), "weights run from 1 to 100")
        self.name = name
        self.weight = weight
    }

    /// The share of a batch.
    package init(tenant: String?, batch: BatchID, weight: Int) {
        self.init(name: tenant.map { "t:\($0)" } ?? "b:\(batch)", weight: weight)
    }
}
