internal import Synchronization

/// Where the time of this process's generations goes, by stage and operator; off until somebody asks.
///
/// For one generation at a time: stages are timed on the thread that runs the generation, so two at once would be added up.
package enum OperatorProfile {
    /// One line of the table.
    package struct Entry: Sendable {
        /// Such as `step`.
        package let stage: String
        /// Such as `feed-forward down`.
        package let name: String
        /// Seconds in all.
        package fileprivate(set) var seconds = 0.0
        /// Times it ran.
        package fileprivate(set) var runs = 0
        /// Multiplications and additions in all, where the operator is a matter of arithmetic.
        package fileprivate(set) var operations = 0.0
        /// Bytes read and written at least, where it is a matter of memory.
        package fileprivate(set) var bytes = 0.0
    }

    private static let isOn = Atomic(false)
    private static let entries = Mutex<[Entry]>([])

    /// Starts with an empty table.
    package static func start() {
        entries.withLock { $0 = [] }
        isOn.store(true, ordering: .releasing)
    }

    /// The table so far, in the order in which operators were first seen.
    package static var table: [Entry] { entries.withLock { $0 } }

    /// Does something, and counts its time if profiling is on.
    package static func measure<Result>(
        _ stage: String, _ name: String, operations: Double = 0, bytes: Double = 0, _ body: () throws -> Result
    ) rethrows -> Result {
        guard isOn.load(ordering: .acquiring) else { return try body() }
        let clock = ContinuousClock()
        let start = clock.now
        let result = try body()
        let seconds = (clock.now - start) / .seconds(1)
        entries.withLock { entries in
            let index =
                entries.firstIndex { $0.stage == stage && $0.name == name }
                ?? {
                    entries.append(Entry(stage: stage, name: name))
                    return entries.count - 1
                }()
            entries[index].seconds += seconds
            entries[index].runs += 1
            entries[index].operations += operations
            entries[index].bytes += bytes
        }
        return result
    }
}
