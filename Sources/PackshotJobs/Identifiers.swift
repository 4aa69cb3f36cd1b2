/// The ledger's number of a job: one image to make.
package struct JobID: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
    package static func < (a: JobID, b: JobID) -> Bool { a.rawValue < b.rawValue }
}

/// The ledger's number of a batch: the jobs of one catalog under one name.
package struct BatchID: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
    package static func < (a: BatchID, b: BatchID) -> Bool { a.rawValue < b.rawValue }
}

/// The ledger's number of one try at a job by one worker.
///
/// It is also the fencing token: every write about a running job names it, and counts only while it is the job's latest.
/// Numbers only grow.
package struct AttemptID: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { String(rawValue) }
    package static func < (a: AttemptID, b: AttemptID) -> Bool { a.rawValue < b.rawValue }
}

/// One start of one worker process: host, process id and a random part, so that no two starts share a name.
///
/// Letters, digits, `.`, `-` and `_` only, at most 120 bytes: it serves as a Redis consumer name as it is.
package struct WorkerID: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }

    /// A fresh id for this process start.
    package static func fresh(host: String, processID: Int32) -> WorkerID {
        let cleanHost = String(
            host.unicodeScalars.filter { $0.isASCII && ($0.properties.isAlphabetic || $0 == "-") }.prefix(64))
        let start = String(UInt64.random(in: .min ... .max), radix: 36)
        return WorkerID(rawValue: "\(cleanHost.isEmpty ? "host" : cleanHost).\(processID).\(start)")
    }
}

/// The SHA-256 of a checkpoint's configs, tokenizer and weights, 64 hexadecimal digits.
package struct ModelFingerprint: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}
