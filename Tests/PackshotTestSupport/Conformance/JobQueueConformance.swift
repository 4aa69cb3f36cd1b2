package import PackshotJobs

/// Two clients of one queue that nobody else uses, and what a test can do to it from outside.
package struct JobQueueFixture: Sendable {
    /// The queue as two workers hold it.
    package let first: any JobQueue
    package let second: any JobQueue
    /// Makes everything in the queue older by a duration: pending entries idle longer, delayed entries due sooner.
    package let age: @Sendable (Duration) async throws -> Void
    /// Loses everything, as a wiped server does.
    package let wipe: @Sendable () async throws -> Void

    package init(
        first: any JobQueue, second: any JobQueue, age: @escaping @Sendable (Duration) async throws -> Void,
        wipe: @escaping @Sendable () async throws -> Void
    ) {
        self.first = first
        self.second = second
        self.age = age
        self.wipe = wipe
    }
}

/// What ``JobQueue`` promises.
package enum JobQueueConformance {
    /// Every case; a driver runs them all as arguments of one test.
    package static let cases: [ConformanceCase<JobQueueFixture>] = claiming + interrupting + holding + accounting

    /// A model's fingerprint made from one hexadecimal digit.
    package static func model(_ digit: Character = "a") -> ModelFingerprint {
        ModelFingerprint(rawValue: String(repeating: digit, count: 64))
    }

    static let ada = WorkerID(rawValue: "ada.1.x")
    static let bob = WorkerID(rawValue: "bob.2.y")
    /// Longer than any of these tests takes: whoever waits so long without being woken fails its test by the clock.
    static let long = Duration.seconds(300)
    /// A limit for what happens at once, generous because the machine may be busy.
    static let soon = Duration.seconds(100)

    /// Entries to dispatch at once.
    package static func entries(
        _ jobs: some Sequence<Int64>, priority: Int = 4, model: ModelFingerprint = model(), share: QueueShare = .common
    ) -> [DispatchEntry] {
        jobs.map {
            DispatchEntry(
                job: JobID(rawValue: $0), lane: QueueLane(model: model, priority: priority), share: share,
                notBefore: nil)
        }
    }

    /// Claims without waiting until the queue gives nothing more.
    static func work(_ queue: any JobQueue, by worker: WorkerID, claims: Int) async throws -> [Int64] {
        var done: [Int64] = []
        for _ in 0..<claims {
            let some = try await queue.claim(model: model(), by: worker, limit: 5, wait: .zero)
            try await queue.acknowledge(some)
            done += some.numbers
        }
        return done
    }

    static func drain(_ queue: any JobQueue, by worker: WorkerID, limit: Int = 7) async throws -> [Delivery] {
        var all: [Delivery] = []
        while true {
            let some = try await queue.claim(model: model(), by: worker, limit: limit, wait: .zero)
            if some.isEmpty { return all }
            all += some
        }
    }
}

extension Sequence where Element == Delivery {
    /// The deliveries' job numbers, in order.
    var numbers: [Int64] { map(\.job.rawValue) }
}
