internal import Foundation
package import PackshotJobs
internal import Synchronization

/// Claiming, taking over, and being interrupted.
extension RedisJobQueue {
    package func claim(
        model: ModelFingerprint, by worker: WorkerID, limit: Int, wait: Duration
    ) async throws -> [Delivery] {
        precondition(limit > 0, "a claim of nothing")
        let taken = try await withTaskCancellationHandler {
            try await claims.perform { session in
                try ClaimInProgress(queue: self, session: session, model: model, worker: worker, limit: limit)
                    .run(until: .now + wait)
            }
        } onCancel: {
            wake.raise()
        }
        if taken.isAfterBlock, !taken.deliveries.isEmpty {
            // Who still blocks needs the lanes filled again; the job in hand need not wait for that.
            Task { try? await refill(model) }
        }
        return taken.deliveries
    }

    /// Moves jobs whose turn has come to their streams.
    private func refill(_ model: ModelFingerprint) async throws {
        let lanes = Self.lanes(of: model)
        try await commands.perform { [keys] session in
            try QueueScripts.claim.run(
                on: session, keys: keys.claimed(lanes, of: model),
                arguments: [RedisKeys.group, "", "0", String(Self.agingInterval)]
            ) { _ in }
        }
    }

    package func interrupt() {
        isInterrupted.store(true, ordering: .releasing)
        wake.raise()
    }

    package func takeOver(
        model: ModelFingerprint, by worker: WorkerID, idleFor: Duration, limit: Int
    ) async throws -> [Delivery] {
        try await commands.perform { [keys] session in
            let lanes = Self.lanes(of: model)
            let idle = String(max(0, idleFor.milliseconds(.up)))
            // One look over all lanes; mostly there is nothing.
            for lane in lanes {
                try session.append(["XPENDING", keys.lane(lane), RedisKeys.group, "IDLE", idle, "-", "+", "1"])
            }
            var candidates: [QueueLane] = []
            for lane in lanes {
                try session.receiveAny { if $0.count > 0 { candidates.append(lane) } }
            }
            var taken: [Delivery] = []
            for lane in candidates where taken.count < limit {
                var cursor = "0-0"
                repeat {
                    var reply = LaneReply(lane: lane)
                    try session.append(
                        ["XAUTOCLAIM", keys.lane(lane), RedisKeys.group, worker.rawValue, idle, cursor]
                            + ["COUNT", String(limit - taken.count)])
                    cursor = try session.receive { node in
                        guard let cursor = node[0]?.string, let entries = node[1] else {
                            throw RedisFailure.nonsense(session.server, "XAUTOCLAIM")
                        }
                        reply.read(entries)
                        return cursor
                    }
                    reply.removeUnreadable(keys, session)
                    taken += reply.deliveries
                } while cursor != "0-0" && taken.count < limit
            }
            return taken
        }
    }
}

/// One claim, on the claim connection's thread.
private struct ClaimInProgress {
    let queue: RedisJobQueue
    let session: RedisSession
    let model: ModelFingerprint
    let worker: WorkerID
    let limit: Int
    let lanes: [QueueLane]
    let laneKeys: [String]

    /// For ending a claim: short, because somebody wants to leave.
    private static let unblockTimeouts = RedisTimeouts(connect: .seconds(1), command: .seconds(1))

    init(queue: RedisJobQueue, session: RedisSession, model: ModelFingerprint, worker: WorkerID, limit: Int) {
        self.queue = queue
        self.session = session
        self.model = model
        self.worker = worker
        self.limit = limit
        lanes = RedisJobQueue.lanes(of: model)
        laneKeys = lanes.map(queue.keys.lane)
    }

    func run(until deadline: ContinuousClock.Instant) throws -> (deliveries: [Delivery], isAfterBlock: Bool) {
        while true {
            if try shouldEnd() { return ([], false) }
            let taken = try takeReady()
            if !taken.isEmpty { return (taken, false) }
            let left = deadline - .now
            guard left >= .milliseconds(1) else { return ([], false) }
            guard let first = try block(for: min(left, RedisJobQueue.longestBlock)) else { return ([], true) }
            // What woke us is begun at once; what else there is, the next claim takes.
            if !first.isEmpty { return (first, true) }
        }
    }

    /// True when the claim was interrupted; a cancelled task throws.
    private func shouldEnd() throws -> Bool {
        queue.wake.lower()
        try Task.checkCancellation()
        return queue.isInterrupted.exchange(false, ordering: .acquiring)
    }

    /// Takes what is there, without blocking.
    private func takeReady() throws -> [Delivery] {
        var replies = lanes.map { LaneReply(lane: $0) }
        var order: [Delivery] = []
        try QueueScripts.claim.run(
            on: session, keys: queue.keys.claimed(lanes, of: model),
            arguments: [RedisKeys.group, worker.rawValue, String(limit), String(RedisJobQueue.agingInterval)]
        ) { node in
            for index in stride(from: 0, to: node.count - 2, by: 3) {
                guard let lane = node[index]?.integer, let entry = node[index + 1]?.string else { continue }
                if let delivery = replies[Int(lane)].read(entry, node[index + 2]?.integer) { order.append(delivery) }
            }
        }
        for reply in replies { reply.removeUnreadable(queue.keys, session) }
        return order
    }

    /// Blocks on all lanes until an entry comes.
    /// - Returns: nil when the claim was interrupted; empty when the time is over or the groups had to be made.
    private func block(for duration: Duration) throws -> [Delivery]? {
        // COUNT holds for each lane, so 1 keeps the rare case of several lanes small.
        try session.append(
            ["XREADGROUP", "GROUP", RedisKeys.group, worker.rawValue, "COUNT", "1"]
                + ["BLOCK", String(duration.milliseconds(.up)), "STREAMS"]
                + laneKeys + lanes.map { _ in ">" })
        let deadline = ContinuousClock.now + duration + session.timeouts.command
        while true {
            switch try session.waitReadable(until: deadline, signal: queue.wake) {
            case .readable:
                let deliveries = try readBlocked()
                // Lanes that were filled between the look and the block: what is too much goes back, or stays pending for
                // a later take-over.
                try? handBack(deliveries.dropFirst(limit))
                return Array(deliveries.prefix(limit))
            case .timedOut:
                session.abandon()
                throw RedisFailure.unreachable(session.server, "no answer within \(session.timeouts.command)")
            case .woken:
                let ending = Result { try shouldEnd() }
                if case .success(false) = ending { continue }
                unblock()
                _ = try ending.get()
                return nil
            }
        }
    }

    /// Reads the answer to the blocking read.
    private func readBlocked() throws -> [Delivery] {
        var replies: [LaneReply] = []
        let lost = try session.receiveAny { node -> Bool in
            if let error = node.error {
                guard ["NOGROUP", "UNBLOCKED"].contains(RedisFailure.prefix(of: error)) else {
                    throw RedisFailure.error(for: error, from: session.server)
                }
                return true
            }
            for index in 0..<node.count {
                guard let stream = node[index], let key = stream[0]?.string, let entries = stream[1],
                    let lane = laneKeys.firstIndex(of: key)
                else { continue }
                var reply = LaneReply(lane: lanes[lane])
                reply.read(entries)
                replies.append(reply)
            }
            return false
        }
        if lost { try makeGroups() }
        for reply in replies { reply.removeUnreadable(queue.keys, session) }
        return replies.flatMap(\.deliveries)
    }

    /// Makes the groups of all lanes, from their first entries on; those that are there stay as they are.
    private func makeGroups() throws {
        for key in laneKeys { try session.append(["XGROUP", "CREATE", key, RedisKeys.group, "0", "MKSTREAM"]) }
        var failure: String?
        for _ in laneKeys {
            try session.receiveAny { node in
                if let error = node.error, RedisFailure.prefix(of: error) != "BUSYGROUP" { failure = failure ?? error }
            }
        }
        if let failure { throw RedisFailure.error(for: failure, from: session.server) }
    }

    /// Ends the blocking read under way and puts back what it may have delivered in the same instant.
    ///
    /// `CLIENT UNBLOCK` from a second connection ends it in one piece: closing the socket instead could strand an entry
    /// that the server has just marked as ours. Where that command is not allowed or the server does not answer, the
    /// connection is closed nevertheless; a stranded entry is then found by a later take-over.
    private func unblock() {
        do {
            guard let id = session.clientID else {
                throw StoreError(.redis, .configuration, "CLIENT ID is not allowed")
            }
            let helper = try RedisSession.connect(to: queue.claims.url, timeouts: Self.unblockTimeouts)
            let deadline = ContinuousClock.now + Self.unblockTimeouts.command
            repeat {
                // Zero means that our read has not reached the server yet, or that its answer is on its way.
                try helper.call(["CLIENT", "UNBLOCK", String(id)]) { _ in }
                if try session.waitReadable(until: min(deadline, .now + .milliseconds(5)), signal: nil) == .readable {
                    try handBack(try readBlocked()[...])
                    return
                }
            } while .now < deadline
            session.abandon()
        } catch {
            session.abandon()
        }
    }

    /// Puts deliveries back at the end of their lanes. In one transaction, because a server out of memory refuses the
    /// addition and allows the removal.
    private func handBack(_ deliveries: ArraySlice<Delivery>) throws {
        guard !deliveries.isEmpty else { return }
        try session.append(["MULTI"])
        for delivery in deliveries {
            let key = queue.keys.lane(delivery.lane)
            try RedisJobQueue.append(delivery.job, to: key, session)
            try RedisJobQueue.remove([delivery.entry], from: key, session)
        }
        try session.append(["EXEC"])
        try session.receiveAll(2 + 3 * deliveries.count)
    }
}

/// The entries of one lane in a reply.
private struct LaneReply {
    let lane: QueueLane
    var deliveries: [Delivery] = []
    /// Entries that hold no job id. Nobody can work on them, so they are removed.
    private var unreadable: [String] = []

    init(lane: QueueLane) { self.lane = lane }

    /// Reads an array of entries, `[id, [field, value, …]]` each.
    mutating func read(_ entries: RedisNode) {
        for index in 0..<entries.count {
            guard let entry = entries[index], let id = entry[0]?.string else { continue }
            if let delivery = read(id, entry[1]?[1]?.integer) { deliveries.append(delivery) }
        }
    }

    /// Reads one entry.
    mutating func read(_ entry: String, _ job: Int64?) -> Delivery? {
        guard let job else {
            unreadable.append(entry)
            return nil
        }
        return Delivery(job: JobID(rawValue: job), lane: lane, entry: entry)
    }

    /// A failure here must not cost the entries that could be read; a broken session shows itself with the next command.
    func removeUnreadable(_ keys: RedisKeys, _ session: RedisSession) {
        guard !unreadable.isEmpty else { return }
        try? RedisJobQueue.remove(unreadable, from: keys.lane(lane), session)
        try? session.receiveAll(2)
    }
}
