import PackshotJobs

/// When the worker claims ahead, as `LookaheadGate` says.
struct SimulatedGate {
    private let world: World
    private let lookahead: VirtualTime = .milliseconds(500)
    private(set) var isOpen = true
    private var started: VirtualTime
    private var lastDuration: VirtualTime?
    let opened = Condition()

    init(_ world: World) {
        self.world = world
        started = world.simulator.now
    }

    mutating func jobBegan() {
        started = world.simulator.now
        if let lastDuration, lastDuration <= lookahead { return }
        isOpen = false
    }

    mutating func jobAdvanced(step: Int, of steps: Int) {
        guard step > 0, !isOpen else { return }
        if (world.simulator.now - started) * VirtualTime(steps - step) / VirtualTime(step) <= lookahead {
            openForGood()
        }
    }

    mutating func jobEnded(isMade: Bool) {
        if isMade { lastDuration = world.simulator.now - started }
        openForGood()
    }

    mutating func openForGood() {
        isOpen = true
        opened.signal()
    }

    var batchSize: Int {
        guard let lastDuration else { return 1 }
        return max(1, min(256, Int(0.1 / max(Double(lastDuration) / 1e6, 1e-6))))
    }
}

/// A held attempt that is ready for the sampler.
final class PreparedAttempt {
    let held: HeldAttempt

    init(_ held: HeldAttempt) { self.held = held }
}

/// Hands prepared jobs to the sampler one by one; who sends waits until it is taken, as the gate there counts what waits.
final class SimulatedChannel {
    private let world: World
    private let process: SimulatedProcess
    private var item: PreparedAttempt?
    private var isFinished = false
    private let changed = Condition()

    init(_ world: World, _ process: SimulatedProcess) {
        self.world = world
        self.process = process
    }

    func send(_ new: PreparedAttempt) async throws {
        item = new
        changed.signal()
        while item === new { try await world.simulator.wait(process, until: nil, on: changed) }
    }

    func next() async throws -> PreparedAttempt? {
        while item == nil, !isFinished { try await world.simulator.wait(process, until: nil, on: changed) }
        defer {
            item = nil
            changed.signal()
        }
        return item
    }

    func finish() {
        isFinished = true
        changed.signal()
    }
}
