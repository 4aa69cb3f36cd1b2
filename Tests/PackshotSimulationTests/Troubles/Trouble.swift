/// Something that can go wrong, or that people do, while a simulation runs.
///
/// Each scenario has some of them and not others (Groce and others, "Swarm testing", 2012): a fault that hides behind a
/// noisier one shows where that one is missing.
///
/// A new operation is one file that declares a static value with its `act`, and its line in ``all``.
struct Trouble: Sendable {
    let name: String
    /// How often it happens compared with others; 0 for what is not an event but the nature of a job, a disk or a network.
    let weight: Int
    /// Makes it happen once, somewhere. It may take time; others happen meanwhile.
    let act: @Sendable (World) async throws -> Void

    init(_ name: String, weight: Int, act: @escaping @Sendable (World) async throws -> Void) {
        self.name = name
        self.weight = weight
        self.act = act
    }

    /// What is not an event: the code it concerns asks ``World/has(_:)``.
    init(nature name: String) {
        self.init(name, weight: 0) { _ in }
    }

    static let all: [Trouble] = [
        // Processes.
        kill, powerLoss, stop, freeze, freezeAll, failpoints, poison, hangs, failures, badPrompts, producerDeaths,
        // Networks and servers.
        cutLink, ledgerOutage, longLedgerOutage, queueOutage, lostAnswers, lateRequests, refusals,
        // The queue's data.
        wipe, loseTail, restoreOld, duplicate, deliverTwice,
        // Clocks and disks.
        ledgerClock, queueClock, workerClocks, disk,
        // People.
        scheduledJobs, resubmit, cancelJob, retryJobs, drainWorker, pauseBatch, limitModel, setBudget,
    ]

    static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
