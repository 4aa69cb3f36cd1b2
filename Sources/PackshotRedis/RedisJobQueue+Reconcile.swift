internal import Foundation
package import PackshotJobs

/// What the queue holds, and whether it is still the queue it was.
extension RedisJobQueue {
    package func heldJobs(model: ModelFingerprint) async throws -> Set<JobID> {
        var held: Set<JobID> = []
        // Delayed entries first: one that is promoted meanwhile is then found in its lane.
        held.formUnion(try await members(of: keys.delayed(model)) { $0.delayedJob })
        // Then what waits: one that is moved to its stream meanwhile is found there.
        for lane in Self.lanes(of: model) {
            held.formUnion(try await members(of: keys.waiting(lane)) { $0.integer })
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

    /// Jobs of a zset, as its members tell them.
    private func members(of key: String, _ job: @escaping @Sendable (RedisNode) -> Int64?) async throws -> [JobID] {
        var jobs: [JobID] = []
        var cursor = "0"
        repeat {
            let page = try await commands.perform { [cursor] session in
                try session.call(["ZSCAN", key, cursor, "COUNT", "2000"]) { node in
                    guard let next = node[0]?.string, let members = node[1] else {
                        throw RedisFailure.nonsense(session.server, "ZSCAN")
                    }
                    return (next, stride(from: 0, to: members.count, by: 2).compactMap { members[$0].flatMap(job) })
                }
            }
            jobs += page.1.lazy.map(JobID.init(rawValue:))
            cursor = page.0
        } while cursor != "0"
        return jobs
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
        try await commands.perform { [keys] session in
            let lanes = Self.lanes(of: model)
            for lane in lanes {
                try session.append(["ZCARD", keys.waiting(lane)])
                try session.append(["XLEN", keys.lane(lane)])
                try session.append(["XINFO", "GROUPS", keys.lane(lane)])
            }
            try session.append(["ZCARD", keys.delayed(model)])
            var depth = QueueDepth(ready: 0, pending: 0, delayed: 0)
            for _ in lanes {
                depth.ready += try session.receive { Int($0.integer ?? 0) }
                let length = try session.receive { Int($0.integer ?? 0) }
                // A lane that does not exist is an error here, and holds nothing.
                let pending = try session.receiveAny { $0.pendingEntries(ofGroup: RedisKeys.group) }
                depth.pending += pending
                depth.ready += max(0, length - pending)
            }
            depth.delayed = try session.receive { Int($0.integer ?? 0) }
            return depth
        }
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
    /// The job id of a member `{priority}:{job id}:{weight}:{share}` of a zset of delayed entries.
    fileprivate var delayedJob: Int64? {
        guard let bytes, bytes.count > 2, bytes[1] == UInt8(ascii: ":") else { return nil }
        return Int64(decimal: UnsafeRawBufferPointer(rebasing: bytes[2...].prefix { $0 != UInt8(ascii: ":") }))
    }

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
