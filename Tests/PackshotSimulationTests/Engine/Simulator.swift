/// Runs tasks in virtual time, on one thread, always in the same order.
///
/// Tasks are ordinary Swift tasks, and what they run is the shipped worker. They wait only here or for each other, and the next
/// wait here ends when nothing else can go on: an hour passes in the time it takes to compute what happens in it.
final class Simulator: @unchecked Sendable {
    private(set) var now: VirtualTime = 0
    /// What is on its way between processes, and whatever no death can stop.
    let network = SimulatedProcess("network")
    let executor = SimulationExecutor()
    private var timetable = Timetable()
    private var processes: [SimulatedProcess] = []
    private var isOver = false

    /// A new living process.
    func process(_ name: String) -> SimulatedProcess {
        let process = SimulatedProcess(name)
        processes.append(process)
        return process
    }

    /// Starts a task. It ends by itself, or by throwing ``Ended`` out of a wait.
    /// - Parameter failed: Called when it throws anything else.
    @discardableResult
    func spawn(_ body: @escaping () async throws -> Void, failed: @escaping (any Error) -> Void)
        -> Task<Void, Never>
    {
        let task = Confined(body: body, failed: failed)
        return Task(executorPreference: executor) { await task.run() }
    }

    /// Waits for a moment, or for a condition if that comes first.
    /// - Returns: True when the condition came.
    /// - Throws: ``Ended`` once the process is dead.
    @discardableResult
    func wait(
        _ process: SimulatedProcess, until time: VirtualTime?, on condition: Condition? = nil
    ) async throws -> Bool {
        try await wait(Wait(of: process), until: time, on: condition)
    }

    /// The same, and ends when the task is cancelled.
    /// - Throws: `CancellationError` then.
    @discardableResult
    func waitUnlessCancelled(
        _ process: SimulatedProcess, until time: VirtualTime?, on condition: Condition? = nil
    ) async throws -> Bool {
        try Task.checkCancellation()
        let wait = Wait(of: process)
        return try await withTaskCancellationHandler {
            try await self.wait(wait, until: time, on: condition)
        } onCancel: {
            wait.end(throwing: CancellationError())
        }
    }

    private func wait(_ wait: Wait, until time: VirtualTime?, on condition: Condition?) async throws -> Bool {
        guard wait.process.isAlive else { throw Ended() }
        return try await withUnsafeThrowingContinuation { continuation in
            wait.begin(continuation)
            wait.process.register(wait)
            if let time { timetable.add(wait, at: max(now, time)) }
            condition?.add(wait)
        }
    }

    /// Lets a process do nothing for a while.
    func sleep(_ process: SimulatedProcess, _ time: VirtualTime) async throws {
        try await wait(process, until: now + max(0, time))
    }

    /// Runs until ``finish()``, or until nothing is left to wait for; then ends every task.
    func run() {
        executor.drain()
        while !isOver, let (time, wait) = timetable.next() {
            if wait.isOver { continue }
            now = max(now, time)
            wait.process.wake(wait, wasSignalled: false)
            executor.drain()
        }
        isOver = true
        for process in processes + [network] { process.kill() }
        executor.drain()
    }

    /// Ends the simulation.
    func finish() { isOver = true }
}

/// A task's body.
///
/// `@unchecked Sendable`: it is handed to a task that runs on the very thread that made it (``SimulationExecutor``), so
/// nothing it captures is ever touched by two threads.
private struct Confined: @unchecked Sendable {
    let body: () async throws -> Void
    let failed: (any Error) -> Void

    func run() async {
        do {
            try await body()
        } catch is Ended {
        } catch {
            failed(error)
        }
    }
}
