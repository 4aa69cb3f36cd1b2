/// Where a job stands. The names are River's and Oban's.
///
/// ```
///   scheduled ──due──▶ available ◀──due── retryable
///             ◀postponed─┘
///                        │  ▲                ▲
///                  claimed  handed back,     │ failed, lease expired: attempts left
///                        ▼  │ retried        │
///                      running ──────────────┘
///                        │ completed / cancelled / failed for good
///                        ▼
///            completed   cancelled   discarded        (cancel also from every state on the left)
/// ```
package enum JobState: String, CaseIterable, Codable, Sendable {
    /// May be claimed now.
    case available
    /// Not to be claimed before its time; never tried so far.
    case scheduled
    /// Claimed by a worker whose lease has not been taken away.
    case running
    /// Failed or lost, waiting for its next attempt.
    case retryable
    /// Its image is on disk and in the ledger.
    case completed
    /// Stopped by a person.
    case cancelled
    /// Given up: a permanent fault, or no attempts left. The reason is with the job.
    case discarded

    /// True when nothing happens to the job by itself any more.
    package var isFinal: Bool {
        switch self {
        case .completed, .cancelled, .discarded: true
        case .available, .scheduled, .running, .retryable: false
        }
    }
}
