/// The rules of a job's life as a pure value: no clock, no store, no I/O.
///
/// The drivers carry out what it decides; the database's constraints repeat the invariants.
package struct JobStateMachine: Hashable, Sendable {
    /// What can happen to a job.
    package enum Event: Hashable, Sendable {
        /// A worker's claim was confirmed: one attempt more.
        case claimed
        /// The image is stored.
        case completed
        /// The attempt failed. A permanent fault is not tried again.
        case failed(permanent: Bool)
        /// The worker's lease ran out: it died, hangs, or is cut off. Counts as an attempt.
        case leaseExpired
        /// The worker gave the job back unharmed, as on SIGTERM. The attempt is not counted.
        case handedBack
        /// A person cancelled it.
        case cancelled
        /// Its time has come.
        case due
        /// It may not begin yet: its model's limits or its batch's budget are used up for the moment.
        case postponed
        /// A person asked for another try; the attempts start again from zero.
        case retried
        /// Its image's file is gone, and a person asked for it again.
        case fileLost
    }

    /// An event that does not belong to the state it met.
    package struct IllegalTransition: Error, Hashable, CustomStringConvertible {
        package let state: JobState
        package let event: Event
        package var description: String { "a \(state.rawValue) job cannot be \(event)" }
    }

    /// The present state.
    package private(set) var state: JobState
    /// Attempts begun and not handed back, 0 or more.
    package private(set) var attempts: Int
    /// Attempts allowed, at least 1.
    package let maxAttempts: Int

    /// A job in a given state. `attempts` is in `0...maxAttempts`, and at least 1 while running.
    package init(state: JobState, attempts: Int, maxAttempts: Int) {
        precondition(maxAttempts >= 1 && attempts >= 0 && attempts <= maxAttempts, "attempts out of range")
        self.state = state
        self.attempts = attempts
        self.maxAttempts = maxAttempts
    }

    /// Applies an event.
    /// - Throws: ``IllegalTransition``, and then nothing has changed.
    package mutating func apply(_ event: Event) throws(IllegalTransition) {
        switch (state, event) {
        case (.available, .claimed) where attempts < maxAttempts:
            state = .running
            attempts += 1
        case (.running, .completed):
            state = .completed
        case (.running, .failed(let permanent)):
            state = permanent || attempts >= maxAttempts ? .discarded : .retryable
        case (.running, .leaseExpired):
            // A lost job has waited a whole lease already, so it goes back without a further delay.
            state = attempts >= maxAttempts ? .discarded : .available
        case (.running, .handedBack):
            state = .available
            attempts -= 1
        case (.available, .cancelled), (.scheduled, .cancelled), (.retryable, .cancelled), (.running, .cancelled):
            state = .cancelled
        case (.scheduled, .due), (.retryable, .due):
            state = .available
        case (.available, .postponed):
            state = .scheduled
        case (.discarded, .retried), (.cancelled, .retried), (.retryable, .retried), (.completed, .fileLost):
            state = .available
            attempts = 0
        default:
            throw IllegalTransition(state: state, event: event)
        }
    }
}
