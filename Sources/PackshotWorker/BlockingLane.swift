internal import PackshotJobs

/// A thread of its own for work that blocks or computes for long, so that the cooperative pool never does.
actor BlockingLane {
    private let executor: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(label: String) {
        executor = BlockingExecutor(label: label)
    }

    /// Runs the body on this lane's thread, one after the other.
    func run<Value: Sendable>(_ body: @Sendable () throws -> Value) rethrows -> Value {
        try body()
    }
}
