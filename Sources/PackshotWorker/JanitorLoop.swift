internal import Logging
internal import PackshotJobs
internal import Synchronization

/// The chores one worker does for the fleet: jobs of dead workers, retries whose time has come, entries nobody renews,
/// and what the queue has forgotten. All of them are safe to do twice and by several workers at once; that one does them,
/// the lead, spares the servers the other workers' asking. When it is gone, another leads within two seconds.
struct JanitorLoop: Sendable {
    let worker: WorkerID
    let model: ModelFingerprint
    let stores: WorkerStores
    let lease: Duration
    let chores: Chores
    let environment: WorkerEnvironment
    let inbox: DeliveryInbox
    let logger: Logger

    /// Works until the task is cancelled.
    func run() async {
        var untilReconcile = 0
        var epoch: String?
        // A worker that starts may have been started because the queue was lost.
        var grace = Duration.zero
        var trouble = LastingTrouble(lasts: lease)
        while !Task.isCancelled {
            var pause = environment.drawn(from: ChorePace.pauses)
            let began = environment.clock.now
            do {
                if let busy = try await stores.queue.lead(model: model, by: worker, for: ChorePace.leadTime) {
                    try? await environment.clock.sleep(for: busy + environment.drawn(from: ChorePace.askingAgain))
                    continue
                }
                // First, because the pass was timed for it, and workers wait.
                let (_, next) = try await stores.queue.promoteDue(limit: 5_000)
                _ = try await chores.rescue(limit: 256)
                _ = try await chores.release(overdue: ChorePace.delayGrace, limit: 5_000)
                let idle = try await stores.queue.takeOver(model: model, by: worker, idleFor: lease, limit: 64)
                if !idle.isEmpty {
                    inbox.add(idle)
                    stores.queue.interrupt()
                }
                let present = try await stores.queue.epoch().id
                if let epoch, epoch != present {
                    logger.warning("the queue's server restarted or lost its data; asking the ledger what it owes")
                    untilReconcile = 0
                    grace = .zero
                }
                if untilReconcile <= 0 {
                    let count = try await chores.reconcile(model: model, grace: grace)
                    if count > 0 { logger.notice("dispatched what the queue lacked", metadata: ["jobs": "\(count)"]) }
                    untilReconcile = ChorePace.reconcilePasses
                    epoch = present
                    grace = ChorePace.reconcileGrace
                }
                untilReconcile -= 1
                if let next { pause = max(.milliseconds(5), min(pause, next - (environment.clock.now - began))) }
                trouble.isOver()
            } catch {
                if Task.isCancelled { return }
                let lasts = trouble.isThere(at: environment.clock.now)
                logger.log(
                    level: lasts ? .warning : .debug,
                    lasts
                        ? "chores put off for longer than a lease: jobs of dead workers may be waiting"
                        : "chores put off",
                    metadata: ["error": "\(error)"])
                // Whoever cannot do them must not keep the lead from those who can: one that is not asked for is soon over.
                pause =
                    ChorePace.leadTime + ChorePace.askingAgain.upperBound + environment.drawn(from: ChorePace.pauses)
            }
            try? await environment.clock.sleep(for: pause)
        }
    }
}

/// Deliveries taken over from workers that left them, waiting to be confirmed like any other.
final class DeliveryInbox: Sendable {
    private let deliveries = Mutex<[Delivery]>([])

    func add(_ more: [Delivery]) {
        deliveries.withLock { $0 += more }
    }

    func takeAll() -> [Delivery] {
        deliveries.withLock { list in
            defer { list = [] }
            return list
        }
    }
}
