/// How often the fleet's chores are done, and by whom: the times of a janitor, said once for the worker and for its simulation.
///
/// They bound how late a dead worker's job is rescued when the lead dies just before it would have done it: the longest
/// ``pauses``, then ``leadTime``, then the longest of ``askingAgain``, 1.9 s after the lease in all.
package enum ChorePace {
    /// Time between two passes of the lead; each is drawn anew.
    package static let pauses: ClosedRange<Duration> = .milliseconds(350)...(.milliseconds(550))
    /// How long a lead that is not heard of stays the lead: longer than two pauses, so that one that is well keeps it.
    package static let leadTime: Duration = .milliseconds(1_250)
    /// How long after the lead's time has run out another worker asks for it; drawn, so that they do not all ask at once.
    package static let askingAgain: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(100))
    /// Passes between two comparisons of the queue with the ledger: about a minute.
    package static let reconcilePasses = 133
    /// How long a job that was delayed may be due and not claimed before it is dispatched once more: the queue delivers it
    /// by itself, and making thousands available that are being claimed at that moment would be in their way.
    package static let delayGrace: Duration = .seconds(2)
    /// How long a job may be missing in the queue before a comparison dispatches it anew: its producer may be about to.
    package static let reconcileGrace: Duration = .seconds(10)
}
