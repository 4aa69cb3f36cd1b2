package import Foundation

/// The entries of a ``MemoryJobQueue`` and its rules, as a value: no locks, no clock, no waiting.
///
/// The methods are those of ``JobQueue``, at a moment that the caller names. A copy is a snapshot of the queue.
package struct MemoryQueueContent: Sendable {
    private struct Entry {
        let job: JobID
        /// Grows with every entry, over all lanes: the smaller, the longer it has waited.
        let number: UInt64
        /// Its place in the lane: see ``Lane/add(_:number:share:present:)``.
        let turn: Double
    }

    private struct Pending {
        let job: JobID
        let turn: Double
        var worker: WorkerID
        var since: Date
    }

    private struct Lane {
        /// In the order of their turns.
        var ready: [Entry] = []
        /// The turn that was taken last, and each share's last turn.
        var clock = 0.0
        var shares: [String: Double] = [:]
        var pending: [UInt64: Pending] = [:]
        /// Taken from the front of `ready`; cut off now and then, so that taking costs no moves.
        var head = 0

        var first: Entry? { head < ready.count ? ready[head] : nil }

        mutating func take() -> Entry? {
            guard let first else { return nil }
            clock = max(clock, first.turn)
            head += 1
            if head > 1024, head > ready.count / 2 {
                ready.removeFirst(head)
                head = 0
            }
            return first
        }

        /// The turn of the oldest job in hand, or the last that was taken if there is none: who comes late makes up for what others
        /// have in hand. One that hangs does not hold it up.
        var present: Double {
            let oldest = pending.values.lazy.map(\.turn).min() ?? clock
            return max(oldest, clock - Double(min(pending.count, QueueShare.mostMadeUpFor)))
        }

        /// Start-time fair queueing (Goyal, Vin and Cheng 1997): a share's turns are 1 / weight apart, from its last one or from
        /// the present on, whichever is later, so that who comes late waits for nobody's backlog and who was idle saves nothing up.
        mutating func add(_ job: JobID, number: UInt64, share: QueueShare, present: Double) {
            let turn = max(present, shares[share.name] ?? 0) + 1 / Double(share.weight)
            shares[share.name] = turn
            var (low, high) = (head, ready.count)
            while low < high {
                let middle = (low + high) / 2
                if ready[middle].turn <= turn { low = middle + 1 } else { high = middle }
            }
            ready.insert(Entry(job: job, number: number, turn: turn), at: low)
        }
    }

    private struct Delayed: Hashable {
        let job: JobID
        let lane: QueueLane
        let share: QueueShare
    }

    private var lanes: [QueueLane: Lane] = [:]
    private var delayed: [Delayed: Date] = [:]
    private var turns: [ModelFingerprint: Int] = [:]
    private var entries: UInt64 = 0
    private var epoch: String?
    /// Who has the lead, and until when.
    private var leads: [ModelFingerprint: (worker: WorkerID, until: Date)] = [:]

    /// An empty queue.
    package init() {}

    /// Adds entries, in order within each share; those with `notBefore` are kept aside.
    package mutating func dispatch(_ new: [DispatchEntry]) {
        for entry in new {
            if let due = entry.notBefore {
                for job in entry.jobs { delayed[Delayed(job: job, lane: entry.lane, share: entry.share)] = due }
            } else {
                append(entry.jobs, of: entry.share, to: entry.lane)
            }
        }
    }

    /// Takes up to `limit` entries of a model, by priority and the aging rule, and marks them as this worker's.
    package mutating func claim(model: ModelFingerprint, by worker: WorkerID, limit: Int, now: Date) -> [Delivery] {
        var order = QueueLane.priorities.map { QueueLane(model: model, priority: $0) }
            .filter { lanes[$0]?.first != nil }
        guard !order.isEmpty else { return [] }
        let turn = turns[model, default: 0] + 1
        turns[model] = turn
        let others = order.dropFirst()
        if turn % 20 == 0,
            let oldest = others.min(by: { (lanes[$0]?.first?.number ?? 0) < (lanes[$1]?.first?.number ?? 0) })
        {
            order.insert(oldest, at: 0)
        }
        var taken: [Delivery] = []
        for lane in order {
            while taken.count < limit, let entry = lanes[lane]?.take() {
                lanes[lane]?.pending[entry.number] = Pending(
                    job: entry.job, turn: entry.turn, worker: worker, since: now)
                taken.append(Delivery(job: entry.job, lane: lane, entry: String(entry.number)))
            }
        }
        return taken
    }

    /// Resets the idle time of entries that this worker still holds.
    package mutating func renew(_ deliveries: [Delivery], by worker: WorkerID, now: Date) {
        for delivery in deliveries {
            guard let number = UInt64(delivery.entry), lanes[delivery.lane]?.pending[number]?.worker == worker
            else { continue }
            lanes[delivery.lane]?.pending[number]?.since = now
        }
    }

    /// Entries not renewed for `idleFor`, now marked as this worker's.
    package mutating func takeOver(
        model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int, now: Date
    ) -> [Delivery] {
        let idle = Double(idleFor.components.seconds) + Double(idleFor.components.attoseconds) / 1e18
        var taken: [Delivery] = []
        for priority in QueueLane.priorities {
            let lane = QueueLane(model: model, priority: priority)
            let found = (lanes[lane]?.pending ?? [:])
                .filter { now.timeIntervalSince($0.value.since) >= idle }
                .sorted { $0.key < $1.key }
            for (number, entry) in found.prefix(limit - taken.count) {
                lanes[lane]?.pending[number]?.worker = worker
                lanes[lane]?.pending[number]?.since = now
                taken.append(Delivery(job: entry.job, lane: lane, entry: String(number)))
            }
        }
        return taken
    }

    /// Removes entries for good, whoever holds them.
    package mutating func acknowledge(_ deliveries: [Delivery]) {
        for delivery in deliveries {
            if let number = UInt64(delivery.entry) { lanes[delivery.lane]?.pending[number] = nil }
        }
    }

    /// Moves delayed entries whose time has come to their lanes; how many, and how long until the next.
    package mutating func promoteDue(limit: Int, now: Date) -> (moved: Int, next: Duration?) {
        let due = delayed.filter { $0.value <= now }
            .sorted { ($0.value, $0.key.job) < ($1.value, $1.key.job) }
            .prefix(limit)
        for (entry, _) in due {
            append([entry.job], of: entry.share, to: entry.lane)
            delayed[entry] = nil
        }
        return (due.count, delayed.values.min().map { .seconds(max(0, $0.timeIntervalSince(now))) })
    }

    /// Every job of a model that is ready or pending.
    package func heldJobs(model: ModelFingerprint) -> Set<JobID> {
        var held: Set<JobID> = []
        for (name, lane) in lanes where name.model == model {
            held.formUnion(lane.ready[lane.head...].lazy.map(\.job))
            held.formUnion(lane.pending.values.lazy.map(\.job))
        }
        return held
    }

    /// How full the queue is for a model.
    package func depth(model: ModelFingerprint) -> QueueDepth {
        let mine = lanes.filter { $0.key.model == model }.values
        return QueueDepth(
            ready: mine.reduce(0) { $0 + $1.ready.count - $1.head }, pending: mine.reduce(0) { $0 + $1.pending.count },
            delayed: delayed.keys.count { $0.lane.model == model })
    }

    /// Gives the lead to a worker, unless another has it: then says for how long.
    package mutating func lead(
        model: ModelFingerprint, by worker: WorkerID, for time: Duration, now: Date
    ) -> Duration? {
        if let lead = leads[model], lead.worker != worker {
            let left = Duration.seconds(lead.until.timeIntervalSince(now))
            // A longer one is from before the clock was set back.
            if left > .zero, left <= time { return left }
        }
        leads[model] = (worker, now + time / .seconds(1))
        return nil
    }

    /// The marker of the present life, made when there is none.
    package mutating func readEpoch() -> QueueEpoch {
        if let epoch { return QueueEpoch(id: epoch, isNew: false) }
        let fresh = String(UInt64.random(in: .min ... .max), radix: 16)
        epoch = fresh
        return QueueEpoch(id: fresh, isNew: true)
    }

    private mutating func append(_ jobs: some Sequence<JobID>, of share: QueueShare, to lane: QueueLane) {
        let present = lanes[lane]?.present ?? 0
        for job in jobs {
            entries += 1
            lanes[lane, default: Lane()].add(job, number: entries, share: share, present: present)
        }
    }
}
