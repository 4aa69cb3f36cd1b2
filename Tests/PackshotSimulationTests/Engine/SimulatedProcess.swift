/// Thrown at every wait of a process that has died, and of every process when the simulation is over.
struct Ended: Error {}

/// Something that lives and can die or stand still: a worker, a producer, a person, the network.
///
/// What it does between two waits happens in one instant; so death, too, always comes at a wait, and what it did before
/// stays done.
///
/// `@unchecked Sendable`, as everything in a simulation that changes: it is only touched on the simulation's one thread, which
/// ``SimulationExecutor`` watches over.
final class SimulatedProcess: @unchecked Sendable {
    let name: String
    private(set) var isAlive = true
    /// Stopped as by SIGSTOP: what it waits for happens, and it hears of it when it goes on.
    private(set) var isFrozen = false
    /// When it had registered as a worker.
    var readyAt: VirtualTime?
    /// Called when it dies.
    var whenDead: (() -> Void)?
    private var waits: [Wait] = []
    private var held: [(wait: Wait, wasSignalled: Bool)] = []

    init(_ name: String) { self.name = name }

    func register(_ wait: Wait) {
        if waits.count >= 32 { waits.removeAll { $0.isOver } }
        waits.append(wait)
    }

    /// Ends a wait, or keeps its end for later if the process stands still.
    func wake(_ wait: Wait, wasSignalled: Bool) {
        if isFrozen {
            held.append((wait, wasSignalled))
        } else {
            wait.end(wasSignalled: wasSignalled)
        }
    }

    /// Ends the process as SIGKILL would.
    func kill() {
        guard isAlive else { return }
        isAlive = false
        isFrozen = false
        held = []
        let all = waits
        waits = []
        for wait in all { wait.end(throwing: Ended()) }
        whenDead?()
        whenDead = nil
    }

    func freeze() {
        if isAlive { isFrozen = true }
    }

    func thaw() {
        isFrozen = false
        let all = held
        held = []
        for (wait, wasSignalled) in all { wait.end(wasSignalled: wasSignalled) }
    }
}

/// One wait of one task. It ends once.
final class Wait: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Bool, any Error>?
    private(set) var isOver = false
    let process: SimulatedProcess

    init(of process: SimulatedProcess) {
        self.process = process
    }

    func begin(_ continuation: UnsafeContinuation<Bool, any Error>) {
        self.continuation = continuation
    }

    func end(wasSignalled: Bool) {
        isOver = true
        continuation?.resume(returning: wasSignalled)
        continuation = nil
    }

    func end(throwing error: any Error) {
        isOver = true
        continuation?.resume(throwing: error)
        continuation = nil
    }
}

/// Something to wait for that may come at any time. Who waited first hears first.
final class Condition: @unchecked Sendable {
    private var waits: [Wait] = []

    func add(_ wait: Wait) {
        if waits.count >= 32 { waits.removeAll { $0.isOver } }
        waits.append(wait)
    }

    /// Ends every wait for it.
    func signal() {
        let all = waits
        waits = []
        for wait in all where !wait.isOver { wait.process.wake(wait, wasSignalled: true) }
    }
}
