/// Thrown at every wait of a process that has died, and of every process when the simulation is over.
struct Ended: Error {}

/// Something that lives and can die or stand still: a worker, a producer, a person, the network.
///
/// What it does between two waits happens in one instant; so death, too, always comes at a wait, and what it did before
/// stays done.
final class SimulatedProcess {
    let name: String
    private(set) var isAlive = true
    /// Stopped as by SIGSTOP: what it waits for happens, and it hears of it when it goes on.
    private(set) var isFrozen = false
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
        for wait in all { wait.endWithProcess() }
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
final class Wait {
    private var continuation: UnsafeContinuation<Bool, any Error>?
    let process: SimulatedProcess

    init(_ continuation: UnsafeContinuation<Bool, any Error>, of process: SimulatedProcess) {
        self.continuation = continuation
        self.process = process
    }

    var isOver: Bool { continuation == nil }

    func end(wasSignalled: Bool) {
        continuation?.resume(returning: wasSignalled)
        continuation = nil
    }

    func endWithProcess() {
        continuation?.resume(throwing: Ended())
        continuation = nil
    }
}

/// Something to wait for that may come at any time. Who waited first hears first.
final class Condition {
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
