internal import Foundation
package import PackshotJobs

/// What the queue holds, and whether it is still the queue it was.
extension RedisJobQueue {
    package func heldJobs(model: ModelFingerprint) async throws -> Set<JobID> {
        var held: Set<JobID> = []
        // What waits comes first: one that is moved to its stream meanwhile is found there.
        for lane in Self.lanes(of: model) {
            for run in try await runs(in: keys.waiting(lane), JobRun.init(waiting:)) { held.formUnion(run.jobs) }
        }

        for lane in Self.lanes(of: model) {
            var after: String? = "-"
            while let from = after {
                let page = try await commands.perform { [keys] session in
                    try Self.page(of: keys.lane(lane), from: from, session)
                }
                held.formUnion(page.jobs.lazy.map(JobID.init(rawValue:)))
                after = page.last.map { "(\($0)" }
            }
        }
        return held
    }

    /// The runs of a zset, as its members tell them; one that changes meanwhile may be there twice.
    ///
    /// Read in the order of the scores: what is left of a run has a higher score than the run had, so that it is met later
    /// and never missed.
    private func runs(in key: String, _ run: @escaping @Sendable (String) -> JobRun?) async throws -> [JobRun] {
        let size = 2000
        var runs: [JobRun] = []
        var (from, skipped) = ("-inf", 0)
        while true {
            let page = try await commands.perform { [from, skipped] session in
                try session.call(
                    ["ZRANGE", key, from, "+inf", "BYSCORE", "LIMIT", String(skipped), String(size), "WITHSCORES"]
                ) { node in
                    stride(from: 0, to: node.count - 1, by: 2).map {
                        (run: node[$0]?.string.flatMap(run), score: node[$0 + 1]?.string ?? "")
                    }
                }
            }
            runs += page.compactMap(\.run)
            guard page.count == size, let last = page.last?.score else { return runs }
            // The next page begins behind those of the same score that were seen.
            let seen = page.reversed().prefix { $0.score == last }.count
            skipped = last == from ? skipped + seen : seen
            from = last
        }
    }

    /// Jobs of a stream from an id on, and the last id if there may be more.
    private static func page(
        of key: String, from: String, _ session: RedisSession
    ) throws -> (jobs: [Int64], last: String?) {
        // About a millisecond of the server's time.
        let size = 2000
        return try session.call(["XRANGE", key, from, "+", "COUNT", String(size)]) { node in
            var jobs: [Int64] = []
            jobs.reserveCapacity(node.count)
            for index in 0..<node.count {
                if let job = node[index]?[1]?[1]?.integer { jobs.append(job) }
            }
            return (jobs, node.count < size ? nil : node[node.count - 1]?[0]?.string)
        }
    }

    package func depth(model: ModelFingerprint) async throws -> QueueDepth {
        let lanes = Self.lanes(of: model)
        // What waits is looked at beside the stream it moves to. Only where it is very many runs is it read piece by piece, and
        // what moves meanwhile may be counted twice or not at all.
        let most = 10_000
        let found = try await commands.perform { [keys] session in
            for lane in lanes {
                try session.append(["ZRANGE", keys.waiting(lane), "0", String(most - 1)])
                try session.append(["XLEN", keys.lane(lane)])
                try session.append(["XINFO", "GROUPS", keys.lane(lane)])
            }
            var depth = QueueDepth(ready: 0, pending: 0, delayed: 0)
            var long: [QueueLane] = []
            for lane in lanes {
                let waiting = try session.receive { node in
                    node.count < most
                        ? (0..<node.count).reduce(0) {
                            $0 + (node[$1]?.string.flatMap(JobRun.init(waiting:))?.count ?? 0)
                        } : nil
                }
                if waiting == nil { long.append(lane) }
                let length = try session.receive { Int($0.integer ?? 0) }
                // A lane that does not exist is an error here, and holds nothing.
                let pending = try session.receiveAny { $0.pendingEntries(ofGroup: RedisKeys.group) }
                depth.pending += pending
                depth.ready += (waiting ?? 0) + max(0, length - pending)
            }
            return (depth: depth, long: long)
        }
        var depth = found.depth
        for lane in found.long {
            depth.ready += try await runs(in: keys.waiting(lane), JobRun.init(waiting:)).reduce(0) { $0 + $1.count }
        }
        depth.delayed = try await runs(in: keys.delayed(model), JobRun.init(delayed:)).reduce(0) { $0 + $1.count }
        return depth
    }

    package func epoch() async throws -> QueueEpoch {
        try await commands.perform { [keys] session in
            try session.append(["GET", keys.epoch])
            try session.append(["INFO", "server"])
            var marker = try session.receive { $0.string }
            // A restart may have lost the last second of writes, or come back with an older copy. Where INFO is not
            // allowed, only the marker tells.
            let run = try session.receiveAny { node in
                node.string.flatMap { RedisInfo($0)["run_id"] } ?? ""
            }
            var isNew = false
            if marker == nil {
                let fresh = String(UInt64.random(in: .min ... .max), radix: 16)
                marker = try session.call(["SET", keys.epoch, fresh, "NX", "GET"]) { $0.string }
                isNew = marker == nil
                marker = marker ?? fresh
            }
            return QueueEpoch(id: "\(marker ?? "").\(run)", isNew: isNew)
        }
    }
}

extension RedisNode {
    /// Reads `XINFO GROUPS`: the number of a group's delivered and not acknowledged entries.
    fileprivate func pendingEntries(ofGroup name: String) -> Int {
        for index in 0..<count {
            guard let group = self[index] else { continue }
            var fields: [String: RedisNode] = [:]
            for field in stride(from: 0, to: group.count - 1, by: 2) {
                if let key = group[field]?.string { fields[key] = group[field + 1] }
            }
            if fields["name"]?.string == name { return Int(fields["pending"]?.integer ?? 0) }
        }
        return 0
    }
}
