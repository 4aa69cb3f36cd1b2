internal import Dispatch
internal import Synchronization
internal import Tensors

/// A way to share out a machine's threads among generations, and how many denoising steps a second it made.
package struct Arrangement: Encodable, Hashable, Sendable, CustomStringConvertible {
    /// Generations at the same time.
    package let generations: Int
    /// Threads of each.
    package let threads: Int
    /// Of all generations together.
    package let stepsPerSecond: Double

    /// Such as `2 generations on 1 thread each`.
    package var description: String {
        let threadsEach = "\(threads) \(threads == 1 ? "thread" : "threads")"
        return generations == 1 ? "1 generation on \(threadsEach)" : "\(generations) generations on \(threadsEach) each"
    }

    /// Times one generation on all threads, then one on each thread.
    /// - Parameters:
    ///   - folder: The checkpoint's.
    ///   - size: Pixels of a side.
    ///   - tokens: Real tokens of the prompt.
    ///   - seconds: How long each is timed, at least; at least one step is.
    /// - Throws: ``PRXError`` and ``TensorError``.
    package static func measure(
        folder: String, size: Int, tokens: Int, hasGuidance: Bool, threads: Int, seconds: Double
    ) throws -> [Arrangement] {
        try Set([1, threads]).sorted().map { generations in
            let each = threads / generations
            let cases = try (0..<generations).map { _ in
                try BenchmarkCase.step(
                    folder: folder, size: size, tokens: tokens, hasGuidance: hasGuidance,
                    pool: ThreadPool(threads: each))
            }
            return Arrangement(
                generations: generations, threads: each, stepsPerSecond: try stepsPerSecond(cases, seconds: seconds))
        }
    }

    private static func stepsPerSecond(_ cases: [BenchmarkCase], seconds: Double) throws -> Double {
        // Each iteration has a case of its own.
        nonisolated(unsafe) let cases = cases
        let failure = Mutex<(any Error)?>(nil)
        let rates = Mutex(0.0)
        DispatchQueue.concurrentPerform(iterations: cases.count) { index in
            let clock = ContinuousClock()
            do {
                // The first step of a process fetches the weights and its memory.
                try cases[index].run()
                let start = clock.now
                var steps = 0
                repeat {
                    try cases[index].run()
                    steps += 1
                } while clock.now - start < .seconds(seconds)
                let rate = Double(steps) / ((clock.now - start) / .seconds(1))
                rates.withLock { $0 += rate }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        return rates.withLock { $0 }
    }
}
