/// What is known of the time a model's images take, from those made lately.
package struct WorkRecord: Sendable {
    /// One attempt, and the time of its worker that it was charged with.
    package struct Entry: Hashable, Sendable {
        package let workload: Workload
        package let microseconds: Int64
        /// False for an attempt that was stopped because it cost too much: the image takes longer than that.
        package let isComplete: Bool

        package init(workload: Workload, microseconds: Int64, isComplete: Bool) {
            self.workload = workload
            self.microseconds = microseconds
            self.isComplete = isComplete
        }
    }

    /// What an image is expected to take, with some to spare.
    package struct Estimate: Hashable, Sendable {
        package let microseconds: Int64
        /// Learned from images of the same work, not scaled from others.
        package let isMeasured: Bool
    }

    /// How many attempts of a kind a ledger looks back.
    package static let length = 64
    /// 116 days: what takes longer is not priced more exactly.
    private static let longest = 1e13

    private let entries: [Entry]

    package init(_ entries: [Entry]) {
        self.entries = entries
    }

    /// What an image of some work will take; nil when nothing comparable was made.
    ///
    /// One and a half times the longest of the images of the same work. An attempt at it that was stopped for its cost counts
    /// twice: whoever tries again gets as much again, so that no try is in vain by construction. Without either, the longest of
    /// the others by their work, and a half.
    package func estimate(of workload: Workload) -> Estimate? {
        let alike = entries.filter { $0.workload == workload }
        let longest = alike.map { Double($0.microseconds) * ($0.isComplete ? 1.5 : 2) }.max()
        if let longest { return Estimate(microseconds: Self.whole(longest), isMeasured: true) }
        let scaled = entries.filter { $0.workload.isWhole }.map {
            Double($0.microseconds) / Double($0.workload.units) * Double(workload.units)
        }
        return scaled.max().map { Estimate(microseconds: Self.whole($0 * 1.5), isMeasured: false) }
    }

    private static func whole(_ microseconds: Double) -> Int64 { Int64(min(microseconds, longest).rounded(.up)) }
}
