package import Foundation
internal import Synchronization

/// Workers: their lives, and what becomes of what they leave behind.
extension MemoryLedger {
    /// One worker as the ledger knows it.
    package struct Worker: Sendable {
        package let registration: WorkerRegistration
        package let registeredAt: Date
        var heardAt: Date
        /// The ledger's silence when it was last heard of, which renewed the leases of all it had in hand.
        var silence: TimeInterval
        var hasStopped = false
        /// What its attempts are charged with.
        package internal(set) var charges = ChargeLine()

        /// What an attempt of this worker cost so far; a lost one's is an estimate until its worker reports it.
        package func cost(of attempt: AttemptID) -> MicroDollars {
            charges[attempt].map { registration.rateCard.price(fromMicroseconds: $0.from, to: $0.to) } ?? .zero
        }

        /// True when nobody is there any more to end what this worker began.
        func isGone(at date: Date, _ watch: LedgerWatch) -> Bool {
            hasStopped || date.timeIntervalSince(heardAt) - (watch.silence(at: date) - silence) > 30
        }

        mutating func estimate(_ attempt: Attempt, lostAt date: Date) {
            func time(_ date: Date) -> Int64 { Int64((date.timeIntervalSince(registeredAt) * 1e6).rounded()) }
            charges.estimate(attempt.id, claimed: time(attempt.startedAt), lost: time(date))
        }
    }

    package func register(_ worker: WorkerRegistration) async throws {
        let date = now()
        state.withLock { state in
            // An id is of one start: whoever comes again did not hear the first answer.
            guard state.workers[worker.id] == nil else { return }
            state.workers[worker.id] = Worker(
                registration: worker, registeredAt: date, heardAt: date, silence: state.watch.silence(at: date))
        }
    }

    package func deregister(_ worker: WorkerID, uptime: Int64) async throws {
        let date = now()
        state.withLock { state in
            state.workers[worker]?.charges.extend(to: uptime)
            state.workers[worker]?.heardAt = date
            state.workers[worker]?.hasStopped = true
        }
    }

    package func waitForSignal(_ timeout: Duration) async throws {
        try await Task.sleep(for: min(timeout, .milliseconds(100)))
    }

    package func heartbeat(
        _ worker: WorkerID, progress: [AttemptProgress], uptime: Int64, lease: Duration
    ) async throws -> HeartbeatReply {
        let date = now()
        return state.withLock { state in
            var lost: Set<AttemptID> = []
            var cancelled: Set<AttemptID> = []
            state.workers[worker]?.charges.extend(to: uptime)
            state.workers[worker]?.heardAt = date
            state.workers[worker]?.silence = state.watch.silence(at: date)
            for item in progress {
                let job = state.jobs[item.job]
                let isLatest = job?.currentAttempt == item.attempt && state.attempts[item.attempt]?.worker == worker
                guard isLatest, job?.machine.state == .running else {
                    if isLatest, job?.machine.state == .cancelled {
                        cancelled.insert(item.attempt)
                    } else {
                        lost.insert(item.attempt)
                    }
                    continue
                }
                state.jobs[item.job]?.leaseEnd = date.addingTimeInterval(lease / .seconds(1))
            }
            return HeartbeatReply(lost: lost, cancelled: cancelled, shouldDrain: state.draining.contains(worker))
        }
    }

    /// Attempts of cancelled jobs that their workers will not end: because they are gone, or because they never heard that
    /// they had them. Should one report its time after all, that counts.
    static func endAbandoned(at date: Date, in state: inout State) {
        let cancelled = state.attempts.values.filter { $0.state == .running && $0.cancelledAt != nil }
        for var attempt in cancelled.sorted(by: { $0.id < $1.id }) {
            guard let worker = state.workers[attempt.worker], let cancelledAt = attempt.cancelledAt else { continue }
            let isUnknown = date.timeIntervalSince(cancelledAt) > 120
            guard worker.isGone(at: date, state.watch) || isUnknown else { continue }
            attempt.state = .cancelled
            state.attempts[attempt.id] = attempt
            state.workers[attempt.worker]?.estimate(attempt, lostAt: isUnknown ? cancelledAt : worker.heardAt)
        }
    }
}
