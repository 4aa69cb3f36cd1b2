/// One worker's time line as the ledger knows it: the stretches its attempts are charged with, which never overlap, so
/// that images, waste and idle time add up to the worker's life.
///
/// A worker reports its own stretches, and those do not overlap each other. A lost attempt's is an estimate by the
/// ledger's clock until its worker reports it, if ever; where a report meets an estimate, the report counts and the
/// estimate keeps what is left.
package struct ChargeLine: Sendable {
    /// Microseconds since the worker registered.
    package struct Stretch: Hashable, Sendable {
        package fileprivate(set) var from: Int64
        package fileprivate(set) var to: Int64
        fileprivate let isEstimate: Bool
    }

    private var stretches: [AttemptID: Stretch] = [:]
    private var reported: Int64 = 0

    /// A worker that has just registered.
    package init() {}

    /// What an attempt is charged with, if it is charged.
    package subscript(attempt: AttemptID) -> Stretch? { stretches[attempt] }

    /// Length of the worker's life so far, as far as is known, in microseconds.
    package var uptime: Int64 { max(reported, stretches.values.lazy.map(\.to).max() ?? 0) }

    /// The worker says how long it has lived.
    package mutating func extend(to uptime: Int64) { reported = max(reported, uptime) }

    /// The worker says what an attempt took.
    package mutating func report(_ attempt: AttemptID, from: Int64, to: Int64) {
        stretches[attempt] = Stretch(from: from, to: to, isEstimate: false)
        for (other, stretch) in stretches where stretch.isEstimate && stretch.from < to && stretch.to > from {
            if stretch.from < from {
                stretches[other]?.to = from
            } else {
                stretches[other]?.from = min(to, stretch.to)
            }
        }
    }

    /// The worker was not heard of any more: an attempt that was given out at `claimed` and lost at `lost` takes what of
    /// that lies after everything charged so far.
    package mutating func estimate(_ attempt: AttemptID, claimed: Int64, lost: Int64) {
        let from = max(0, claimed, stretches.values.lazy.map(\.to).max() ?? 0)
        stretches[attempt] = Stretch(from: from, to: max(from, lost), isEstimate: true)
    }
}
