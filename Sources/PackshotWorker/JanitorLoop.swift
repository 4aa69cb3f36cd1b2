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
    let givenUp: GivenUpFiles
    let inbox: DeliveryInbox
    let logger: Logger

    /// Works until the task is cancelled.
    func run() async {
        var untilReconcile = 0
        var epoch: String?
        // A worker that starts may have been started because the queue was lost.
        var grace = Duration.zero
        while !Task.isCancelled {
            var pause = Self.drawn(from: ChorePace.pauses)
            let began = ContinuousClock.now
            do {
                if let busy = try await stores.queue.lead(model: model, by: worker, for: ChorePace.leadTime) {
                    try? await Task.sleep(for: busy + Self.drawn(from: ChorePace.askingAgain))
                    continue
                }
                // First, because the pass was timed for it, and workers wait.
                let (_, next) = try await stores.queue.promoteDue(limit: 5_000)
                let rescued = try await stores.choreLedger.rescueExpired(limit: 256)
                try await stores.queue.dispatch(rescued.available)
                for job in rescued.discarded { await givenUp.remove(job) }
                try await stores.queue.dispatch(
                    stores.choreLedger.releaseDue(overdue: ChorePace.delayGrace, limit: 5_000))
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
                    let reconciler = Reconciler(
                        ledger: stores.choreLedger, batches: stores.choreLedger, queue: stores.queue)
                    let count = try await reconciler.reconcile(model: model, grace: grace)
                    if count > 0 { logger.notice("dispatched what the queue lacked", metadata: ["jobs": "\(count)"]) }
                    untilReconcile = ChorePace.reconcilePasses
                    epoch = present
                    grace = ChorePace.reconcileGrace
                }
                untilReconcile -= 1
                if let next { pause = max(.milliseconds(5), min(pause, next - (.now - began))) }
            } catch {
                logger.debug("chores put off", metadata: ["error": "\(error)"])
                // Whoever cannot do them must not keep the lead from those who can: one that is not asked for is soon over.
                pause = ChorePace.leadTime + ChorePace.askingAgain.upperBound + Self.drawn(from: ChorePace.pauses)
            }
            try? await Task.sleep(for: pause)
        }
    }

    private static func drawn(from range: ClosedRange<Duration>) -> Duration {
        range.lowerBound + (range.upperBound - range.lowerBound) * Double.random(in: 0...1)
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
