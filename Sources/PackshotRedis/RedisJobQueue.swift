internal import Foundation
package import PackshotJobs
internal import Synchronization

/// The queue in Redis 7: a stream per model and priority with one consumer group, fed from a zset of runs of jobs in the order of turns,
/// and a zset per model for what is delayed.
///
/// Two connections, each on its own thread: one blocks in ``claim(model:by:limit:wait:)``, one serves all other calls,
/// which are cut into pieces of a few milliseconds so that a heartbeat never waits for a long dispatch.
package final class RedisJobQueue: JobQueue {
    let keys: RedisKeys
    let claims: RedisConnection
    let commands: RedisConnection
    let wake: WakeSignal
    /// Set by ``interrupt()`` until a claim has seen it.
    let isInterrupted = Atomic(false)

    /// Claims of a model between two that follow the aging rule, that one included.
    static let agingInterval = 20
    /// Longest single block on the server; longer waits are several, so that a lost group is noticed.
    static let longestBlock = Duration.seconds(10)

    /// A queue; connections are made on first use.
    /// - Parameters:
    ///   - claimThread: Where claims block; nobody else can run there meanwhile.
    ///   - owner: The ledger whose queue this is; with another's, nothing is taken, added or removed. nil asks nobody, for tests
    ///     of the queue alone.
    /// - Throws: ``StoreError`` `.refused` when the process has no file descriptors left.
    package init(
        _ url: RedisURL, timeouts: RedisTimeouts = .standard,
        claimThread: BlockingExecutor = BlockingExecutor(label: "packshot.redis.claims"), owner: LedgerMark? = nil
    ) throws {
        keys = RedisKeys(prefix: url.prefix)
        let owner = owner.map { QueueOwner(mark: $0, url: url) }
        claims = RedisConnection(url, timeouts: timeouts, on: claimThread, owner: owner)
        commands = RedisConnection(
            url, timeouts: timeouts, on: BlockingExecutor(label: "packshot.redis.commands"), owner: owner)
        wake = try WakeSignal()
    }

    /// Makes the connections now.
    /// - Throws: ``StoreError``.
    package func open() async throws {
        try await claims.open()
        try await commands.open()
    }

    /// Closes the connections. The next call makes them anew.
    package func close() async {
        await claims.close()
        await commands.close()
    }

    /// The lanes of a model, most urgent first.
    static func lanes(of model: ModelFingerprint) -> [QueueLane] {
        QueueLane.priorities.map { QueueLane(model: model, priority: $0) }
    }

    // MARK: - Dispatch

    package func dispatch(_ entries: [DispatchEntry]) async throws {
        for run in LaneRuns.split(entries.filter { $0.notBefore == nil }) {
            try await commands.perform { [keys] session in
                try QueueScripts.dispatch.run(
                    on: session, keys: [keys.lane(run.lane), keys.waiting(run.lane), keys.shares(run.lane)],
                    arguments: [RedisKeys.group, run.share.name, String(run.share.weight)] + run.jobs.map(\.text)
                ) { _ in }
            }
        }
        let delayed = Dictionary(grouping: entries.filter { $0.notBefore != nil }, by: \.lane.model)
        for (model, entries) in delayed {
            for start in stride(from: 0, to: entries.count, by: 1000) {
                let slice = entries[start..<min(start + 1000, entries.count)]
                try await commands.perform { [keys] session in try Self.delay(slice, model, keys, session) }
            }
        }
    }

    /// Entries that follow each other and are of one lane and share: as many as go into one script.
    private struct LaneRuns {
        let lane: QueueLane
        let share: QueueShare
        var jobs: [JobRun] = []

        static func split(_ entries: [DispatchEntry]) -> [LaneRuns] {
            var lanes: [LaneRuns] = []
            for entry in entries {
                if lanes.last?.lane != entry.lane || lanes.last?.share != entry.share || lanes.last?.jobs.count == 1000
                {
                    lanes.append(LaneRuns(lane: entry.lane, share: entry.share))
                }
                for run in JobRun.runs(of: entry) { lanes[lanes.count - 1].add(run) }
            }
            return lanes
        }

        private mutating func add(_ run: JobRun) {
            if let joined = jobs.last?.joined(with: run) {
                jobs[jobs.count - 1] = joined
            } else {
                jobs.append(run)
            }
        }
    }

    /// Puts entries of one model into its zset. The transaction keeps a wipe from falling between its two commands, which
    /// would leave entries that no promotion looks at.
    private static func delay(
        _ entries: ArraySlice<DispatchEntry>, _ model: ModelFingerprint, _ keys: RedisKeys, _ session: RedisSession
    ) throws {
        let runs = entries.flatMap { entry in JobRun.runs(of: entry).map { (run: $0, entry: entry) } }
        try session.append(["MULTI"])
        try session.append(["SADD", keys.models, RedisKeys.short(model)])
        try session.append(2 + 2 * runs.count) { buffer in
            buffer.bulk("ZADD")
            buffer.bulk(keys.delayed(model))
            for (run, entry) in runs {
                buffer.bulk(entry.notBefore.map(Self.milliseconds) ?? 0)
                buffer.bulk("\(entry.lane.priority):\(run.text):\(entry.share.weight):\(entry.share.name)")
            }
        }
        try session.append(["EXEC"])
        try session.receiveAll(4)
    }

    /// Unix time in whole milliseconds, rounded up so that nothing is early.
    private static func milliseconds(_ date: Date) -> Int64 {
        Int64(max(0, min(date.timeIntervalSince1970 * 1000, 9e15)).rounded(.up))
    }

    /// Writes the command that adds a job at the end of a lane.
    static func append(_ job: JobID, to lane: String, _ session: RedisSession) throws {
        try session.append(5) { buffer in
            buffer.bulk("XADD")
            buffer.bulk(lane)
            buffer.bulk("*")
            buffer.bulk(RedisKeys.jobField)
            buffer.bulk(job.rawValue)
        }
    }

    // MARK: - Entries in hand

    package func renew(_ deliveries: [Delivery], by worker: WorkerID) async throws {
        for (lane, entries) in Dictionary(grouping: deliveries, by: \.lane) {
            for start in stride(from: 0, to: entries.count, by: 500) {
                let ids = entries[start..<min(start + 500, entries.count)].map(\.entry)
                try await commands.perform { [keys] session in
                    try QueueScripts.renew.run(
                        on: session, keys: [keys.lane(lane)], arguments: [RedisKeys.group, worker.rawValue] + ids
                    ) { _ in }
                }
            }
        }
    }

    package func acknowledge(_ deliveries: [Delivery]) async throws {
        let lanes = Dictionary(grouping: deliveries, by: \.lane)
        for (lane, entries) in lanes {
            for start in stride(from: 0, to: entries.count, by: 1000) {
                let ids = entries[start..<min(start + 1000, entries.count)].map(\.entry)
                // What is removed here does not come back: an entry that another ledger put there must stay.
                try await commands.perform(certainly: true) { [keys] session in
                    try Self.remove(ids, from: keys.lane(lane), session)
                    try session.receiveAll(2)
                }
            }
        }
    }

    /// Writes the commands that remove entries. The entry goes first: if only that is done, the rest is a number that the
    /// next ``takeOver(model:by:idleFor:limit:)`` drops, while the other way round the entry would stay for ever.
    static func remove(_ ids: [String], from lane: String, _ session: RedisSession) throws {
        try session.append(["XDEL", lane] + ids)
        try session.append(["XACK", lane, RedisKeys.group] + ids)
    }

    package func promoteDue(limit: Int) async throws -> (moved: Int, next: Duration?) {
        try await commands.perform { [keys] session in
            try QueueScripts.promote.run(
                on: session, keys: [keys.models], arguments: [keys.prefix, String(max(0, limit)), RedisKeys.group]
            ) { node in
                guard let moved = node[0]?.integer, let wait = node[1]?.integer else {
                    throw RedisFailure.nonsense(session.server, "the promotion of delayed entries")
                }
                return (Int(moved), wait < 0 ? nil : Duration.milliseconds(wait))
            }
        }
    }

    package func lead(model: ModelFingerprint, by worker: WorkerID, for time: Duration) async throws -> Duration? {
        try await commands.perform { [keys] session in
            try QueueScripts.lead.run(
                on: session, keys: [keys.lead(model)],
                arguments: [worker.rawValue, String(max(1, time.milliseconds(.up)))]
            ) { node in
                guard let left = node.integer else { throw RedisFailure.nonsense(session.server, "the lead") }
                return left < 0 ? nil : .milliseconds(left)
            }
        }
    }

    package func forget(_ worker: WorkerID, model: ModelFingerprint) async throws {
        try await commands.perform { [keys] session in
            try QueueScripts.forget.run(
                on: session, keys: Self.lanes(of: model).map(keys.lane),
                arguments: [RedisKeys.group, worker.rawValue, String(86_400_000)]
            ) { _ in }
        }
    }
}
