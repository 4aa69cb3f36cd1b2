internal import ArgumentParser
internal import PRX

/// `--concurrency`: a number of images at the same time, or `auto`.
package enum ConcurrencyArgument: ExpressibleByArgument, Hashable, Sendable {
    case auto
    case number(Int)

    package init?(argument: String) {
        if argument == "auto" {
            self = .auto
        } else if let number = Int(argument) {
            self = .number(number)
        } else {
            return nil
        }
    }

    package var defaultValueDescription: String {
        switch self {
        case .auto: "auto"
        case .number(let number): "\(number)"
        }
    }

    /// Shares out threads among images for one checkpoint, and says why.
    ///
    /// Steps of more than 20 billion operations keep all threads busy (prx-512's at 256 px: 0.21 steps/s on two threads
    /// either way), and every further generation would take memory of its own: one image at a time. Shorter steps are
    /// timed for a fraction of a second each way, since waking threads takes its share of them.
    /// - Throws: ``PRXError`` and ``TensorError``.
    func arrangement(of threads: Int, for checkpoint: PRXCheckpoint) throws -> (generations: Int, reason: String) {
        if case .number(let number) = self { return (number, "as asked for") }
        guard threads > 1 else { return (1, "there is one thread") }
        let operations = try BenchmarkCase.stepOperations(of: checkpoint, tokens: 30)
        guard operations < 20e9 else { return (1, "a step is \(Int(operations / 1e9)) billion operations") }
        // More generations than CPUs are not measured side by side, and gain nothing.
        let measured = try Arrangement.measure(
            folder: checkpoint.path, size: checkpoint.defaultSize, tokens: 30, hasGuidance: true,
            threads: min(threads, ModelFolder.defaultThreads), seconds: 0.15)
        guard let best = measured.max(by: { $0.stepsPerSecond < $1.stepsPerSecond }) else { return (1, "") }
        let rates = measured.map { "\(Int($0.stepsPerSecond)) steps/s with \($0.generations)" }
        return (best.generations, rates.joined(separator: ", "))
    }
}
