internal import Logging
internal import PackshotJobs

/// Says, five times a lease or, with nothing in hand, half as often, that the worker is alive and how far it is; hears which
/// attempts it lost, which a person cancelled, and whether it should drain; asks for more of a budget for those that need it; and
/// ends a process whose sampler hangs.
///
/// It has connections of its own, and nothing it waits for runs on the sampler's thread.
struct HeartbeatLoop: Sendable {
    let worker: WorkerID
    let ledger: any JobLedger
    let queue: any JobQueue
    let embeddings: EmbeddingCache
    let attempts: AttemptsInHand
    let timeline: WorkerTimeline
    let spending: SpendingWatch
    let lease: Duration
    let stepTimeout: Duration
    let environment: WorkerEnvironment
    let stop: StopSignal
    let logger: Logger

    /// Beats until the task is cancelled, also while the worker finishes its last image.
    ///
    /// The ledger, the queue and the sampler are looked after side by side: a server that is cut off answers after many
    /// seconds or never, and must not cost the other's lease or let a sampler hang unseen.
    func run() async {
        await withTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    await tellLedger()
                    do {
                        // Not a sleep: a person who cancels a job or drains a worker is heard at once.
                        try await ledger.waitForSignal(pause)
                    } catch {
                        try? await environment.clock.sleep(for: pause)
                    }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await tellQueue()
                    try? await environment.clock.sleep(for: pause)
                }
                await embeddings.publishCounts()
            }
            group.addTask { await watchSampler() }
        }
    }

    /// A job that is claimed during a longer pause has more than half of its lease left at the next beat.
    private var pause: Duration { attempts.isEmpty ? lease * 2 / 5 : lease / 5 }

    private func watchSampler() async {
        let interval = min(lease / 5, stepTimeout / 5, .seconds(1))
        var watch = HangWatch(limit: stepTimeout)
        while !Task.isCancelled {
            if let hung = watch.look(at: attempts.all.map(\.control), every: interval) {
                // Nothing can interrupt a thread that hangs in a C call; the lease brings the job to somebody else.
                logger.critical(
                    "the sampler has made no step for too long; ending this process",
                    metadata: ["job": "\(hung.job)", "limit": "\(stepTimeout)"])
                return environment.endProcess(70)
            }
            try? await environment.clock.sleep(for: interval)
        }
    }

    private func tellLedger() async {
        let held = attempts.all
        do {
            let reply = try await ledger.heartbeat(
                worker, progress: held.map(\.control.progress), uptime: timeline.now, lease: lease)
            for (control, _) in held {
                if reply.lost.contains(control.attempt) { control.stop(.lost) }
                if reply.cancelled.contains(control.attempt) { control.stop(.cancelled) }
            }
            if reply.shouldDrain, !stop.isStopping {
                logger.notice("asked to drain")
                stop.stop()
            }
            await spending.askForMore(for: held.map(\.control))
        } catch {
            if !Task.isCancelled {
                logger.warning("heartbeat did not reach the ledger", metadata: ["error": "\(error)"])
            }
        }
    }

    private func tellQueue() async {
        do {
            try await queue.renew(attempts.all.map(\.delivery), by: worker)
        } catch {
            if !Task.isCancelled {
                logger.warning("heartbeat did not reach the queue", metadata: ["error": "\(error)"])
            }
        }
        await embeddings.publishCounts()
    }
}
