internal import Glibc
internal import PackshotJobs

/// All that a worker takes from the machine it runs on, besides its stores and its generator: time, chance, threads, files, and
/// its own end. A simulation gives it another machine; the worker is the same.
package struct WorkerEnvironment: Sendable {
    /// Where the parts of a worker run that block or compute for long. Each has a thread to itself, so that the cooperative pool
    /// never waits for one of them.
    package struct Threads: Sendable {
        package let encoder: any TaskExecutor
        package let sampler: any TaskExecutor
        package let files: any TaskExecutor

        package init(encoder: any TaskExecutor, sampler: any TaskExecutor, files: any TaskExecutor) {
            self.encoder = encoder
            self.sampler = sampler
            self.files = files
        }
    }

    package let clock: any WorkerClock
    /// A number in `0..<1`, another one each time.
    package let random: @Sendable () -> Double
    package let threads: Threads
    package let files: any ImageFiles
    /// Ends this process at once, with an exit status. In a simulation it returns, and the task is cancelled.
    package let endProcess: @Sendable (_ status: Int32) -> Void

    package init(
        clock: any WorkerClock, random: @escaping @Sendable () -> Double, threads: Threads, files: any ImageFiles,
        endProcess: @escaping @Sendable (_ status: Int32) -> Void
    ) {
        self.clock = clock
        self.random = random
        self.threads = threads
        self.files = files
        self.endProcess = endProcess
    }

    /// This machine, with new threads.
    package static func machine(files: any ImageFiles = ImageFileStore()) -> WorkerEnvironment {
        WorkerEnvironment(
            clock: SystemClock(), random: { .random(in: 0..<1) },
            threads: Threads(
                encoder: BlockingExecutor(label: "packshot.encoder").forTasks,
                sampler: BlockingExecutor(label: "packshot.sampler").forTasks,
                files: BlockingExecutor(label: "packshot.files").forTasks),
            files: files, endProcess: { _exit($0) })
    }

    /// A stretch of time, every one of `range` as likely.
    func drawn(from range: ClosedRange<Duration>) -> Duration {
        range.lowerBound + (range.upperBound - range.lowerBound) * random()
    }
}
