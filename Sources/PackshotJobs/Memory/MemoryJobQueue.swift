package import Foundation
internal import Synchronization

/// A queue in this process's memory, with the promises of the one in Redis: for tests and for runs of one process.
///
/// One value serves one worker. ``anotherClient()`` gives further ones on the same entries. Everybody waiting is served in
/// the order they came.
package final class MemoryJobQueue: JobQueue {
    private let store: Store
    /// Tells this client's waiting claims from others'.
    private let client: UInt64

    /// An empty queue.
    /// - Parameter now: The clock for delays and idle times. Waits run on real time.
    package convenience init(now: @escaping @Sendable () -> Date = { Date() }) {
        self.init(store: Store(now: now))
    }

    private init(store: Store) {
        self.store = store
        client = store.state.withLock { $0.fresh() }
    }

    /// A queue for another worker, on the same entries.
    package func anotherClient() -> MemoryJobQueue { MemoryJobQueue(store: store) }

    /// Loses everything, as a wiped server does. Claims that wait go on waiting.
    package func wipe() {
        store.state.withLock { $0.content = MemoryQueueContent() }
    }

    /// Makes the queue fail with `.unreachable` for all clients, or work again. Claims that wait fail too.
    package func setReachable(_ isReachable: Bool) {
        let waiting = store.state.withLock { state -> [Waiter] in
            state.isReachable = isReachable
            return isReachable ? [] : state.removeWaiters { _ in true }
        }
        for waiter in waiting { waiter.continuation.resume(throwing: Self.unreachable) }
    }

    // MARK: - JobQueue

    package func dispatch(_ entries: [DispatchEntry]) async throws {
        try change { content, _ in content.dispatch(entries) }
    }

    package func claim(
        model: ModelFingerprint, by worker: WorkerID, limit: Int, wait: Duration
    ) async throws -> [Delivery] {
        precondition(limit > 0, "a claim of nothing")
        let number = store.state.withLock { state in
            let number = state.fresh()
            state.open[number] = .some(nil)
            return number
        }
        let timeout = Task { [store] in
            try await Task.sleep(for: wait)
            store.end(number, with: .success([]))
        }
        defer {
            timeout.cancel()
            store.state.withLock { $0.open[number] = nil }
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                store.begin(
                    Waiter(
                        number: number, client: client, model: model, worker: worker, limit: limit,
                        continuation: continuation),
                    canWait: wait > .zero)
            }
        } onCancel: {
            store.end(number, with: .failure(CancellationError()))
        }
    }

    package func interrupt() {
        let waiting = store.state.withLock { state -> [Waiter] in
            let mine = state.removeWaiters { $0.client == client }
            if mine.isEmpty { state.interrupted.insert(client) }
            return mine
        }
        for waiter in waiting { waiter.continuation.resume(returning: []) }
    }

    package func renew(_ deliveries: [Delivery], by worker: WorkerID) async throws {
        try change { content, now in content.renew(deliveries, by: worker, now: now) }
    }

    package func takeOver(
        model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int
    ) async throws -> [Delivery] {
        try change { content, now in
            content.takeOver(model: model, by: worker, idleFor: idleFor, limit: limit, now: now)
        }
    }

    package func acknowledge(_ deliveries: [Delivery]) async throws {
        try change { content, _ in content.acknowledge(deliveries) }
    }

    package func promoteDue(limit: Int) async throws -> (moved: Int, next: Duration?) {
        try change { content, now in content.promoteDue(limit: limit, now: now) }
    }

    /// Nothing can be stranded here.
    package func redeliverStranded(model: ModelFingerprint) async throws {
        try change { _, _ in }
    }

    package func heldJobs(model: ModelFingerprint) async throws -> Set<JobID> {
        try change { content, _ in content.heldJobs(model: model) }
    }

    package func depth(model: ModelFingerprint) async throws -> QueueDepth {
        try change { content, _ in content.depth(model: model) }
    }

    package func epoch() async throws -> QueueEpoch {
        try change { content, _ in content.readEpoch() }
    }

    package func lead(model: ModelFingerprint, by worker: WorkerID, for time: Duration) async throws -> Duration? {
        try change { content, now in content.lead(model: model, by: worker, for: time, now: now) }
    }

    /// There are no names to forget here: a worker is known only by its pending entries.
    package func forget(_ worker: WorkerID, model: ModelFingerprint) async throws {
        try change { _, _ in }
    }

    // MARK: - Private

    fileprivate static let unreachable = StoreError(.redis, .unreachable, "the queue in memory was made unreachable")

    /// Changes the content, then serves claims that wait.
    private func change<R>(_ body: (inout MemoryQueueContent, Date) -> R) throws -> R {
        let (result, served) = try store.state.withLock { state in
            guard state.isReachable else { throw Self.unreachable }
            let result = body(&state.content, store.now())
            return (result, state.serve(now: store.now()))
        }
        for (waiter, deliveries) in served { waiter.continuation.resume(returning: deliveries) }
        return result
    }
}

/// A claim that waits.
private struct Waiter {
    let number: UInt64
    let client: UInt64
    let model: ModelFingerprint
    let worker: WorkerID
    let limit: Int
    let continuation: CheckedContinuation<[Delivery], any Error>
}

/// What the clients of one queue share.
private final class Store: Sendable {
    struct State {
        var content = MemoryQueueContent()
        var waiters: [Waiter] = []
        /// Claims under way, and how they ended if that was before they began to wait.
        var open: [UInt64: Result<[Delivery], any Error>?] = [:]
        /// Clients whose next claim is to return none.
        var interrupted: Set<UInt64> = []
        var isReachable = true
        private var numbers: UInt64 = 0

        mutating func fresh() -> UInt64 {
            numbers += 1
            return numbers
        }

        mutating func removeWaiters(_ isMeant: (Waiter) -> Bool) -> [Waiter] {
            let removed = waiters.filter(isMeant)
            waiters.removeAll(where: isMeant)
            return removed
        }

        /// Takes entries for the claims that wait.
        mutating func serve(now: Date) -> [(Waiter, [Delivery])] {
            var served: [(Waiter, [Delivery])] = []
            waiters = waiters.filter { waiter in
                let taken = content.claim(model: waiter.model, by: waiter.worker, limit: waiter.limit, now: now)
                if !taken.isEmpty { served.append((waiter, taken)) }
                return taken.isEmpty
            }
            return served
        }
    }

    let state = Mutex(State())
    let now: @Sendable () -> Date

    init(now: @escaping @Sendable () -> Date) { self.now = now }

    /// Serves a claim at once or lets it wait.
    func begin(_ waiter: Waiter, canWait: Bool) {
        let answer = state.withLock { state -> Result<[Delivery], any Error>? in
            guard state.isReachable else { return .failure(MemoryJobQueue.unreachable) }
            let ended = state.open[waiter.number] ?? nil
            if case .failure = ended { return ended }
            if state.interrupted.remove(waiter.client) != nil { return .success([]) }
            let taken = state.content.claim(
                model: waiter.model, by: waiter.worker, limit: waiter.limit, now: now())
            if !taken.isEmpty || !canWait || ended != nil { return .success(taken) }
            state.waiters.append(waiter)
            return nil
        }
        if let answer { waiter.continuation.resume(with: answer) }
    }

    /// Ends a claim, whether it waits already or is about to.
    func end(_ number: UInt64, with result: Result<[Delivery], any Error>) {
        let waiting = state.withLock { state -> Waiter? in
            let waiter = state.removeWaiters { $0.number == number }.first
            if waiter == nil, state.open[number] != nil { state.open[number] = result }
            return waiter
        }
        waiting?.continuation.resume(with: result)
    }
}
