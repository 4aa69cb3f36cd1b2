internal import Foundation
internal import PackshotJobs
internal import Testing

/// Delayed entries, what is held, how full the queue is, and its epoch.
extension JobQueueConformance {
    private static func delayed(
        _ jobs: some Sequence<Int64>, by delay: TimeInterval, priority: Int = 4, model: ModelFingerprint = model()
    ) -> [DispatchEntry] {
        jobs.map {
            DispatchEntry(
                job: JobID(rawValue: $0), lane: QueueLane(model: model, priority: priority),
                notBefore: Date(timeIntervalSinceNow: delay))
        }
    }

    static let accounting: [ConformanceCase<JobQueueFixture>] = [
        .init("keeps delayed entries aside until they are due and promoted") { queue in
            try await queue.first.dispatch(delayed([1], by: 1000) + delayed([2], by: 3000, priority: 0))
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 9, wait: .zero).isEmpty)

            var promotion = try await queue.second.promoteDue(limit: 10)
            #expect(promotion.moved == 0)
            let next = try #require(promotion.next)
            #expect(next > .seconds(900) && next <= .seconds(1001))

            try await queue.age(.seconds(1500))
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 9, wait: .zero).isEmpty)
            promotion = try await queue.second.promoteDue(limit: 10)
            #expect(promotion.moved == 1)
            #expect(try #require(promotion.next) > .seconds(1400))
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 9, wait: .zero).numbers == [1])

            try await queue.age(.seconds(2000))
            promotion = try await queue.second.promoteDue(limit: 10)
            #expect(promotion.moved == 1 && promotion.next == nil)
            let last = try await queue.first.claim(model: model(), by: ada, limit: 9, wait: .zero)
            #expect(last.numbers == [2] && last.first?.lane.priority == 0)
        },
        .init("promotes in pieces, of all models") { queue in
            try await queue.first.dispatch(delayed(1...25, by: -5) + delayed(26...30, by: -5, model: model("b")))
            var moved = 0
            var pieces = 0
            while true {
                let promotion = try await queue.first.promoteDue(limit: 8)
                moved += promotion.moved
                pieces += 1
                if promotion.moved == 0 { break }
                #expect(promotion.moved <= 8)
                #expect(moved == 30 ? promotion.next == nil : promotion.next == .zero)
            }
            #expect(moved == 30 && pieces == 5)
            #expect(Set(try await drain(queue.first, by: ada).numbers) == Set(1...25))
            #expect(try await queue.first.depth(model: model("b")).ready == 5)
        },
        .init("wakes a waiting claim by a promotion") { queue in
            try await queue.first.dispatch(delayed([3], by: -1))
            async let claim = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
            #expect(try await queue.second.promoteDue(limit: 1).moved == 1)
            #expect(try await claim.numbers == [3])
        },
        .init("delays a job again when it is dispatched again") { queue in
            try await queue.first.dispatch(delayed([1], by: 1000))
            try await queue.first.dispatch(delayed([1], by: 5000))
            #expect(try await queue.first.depth(model: model()).delayed == 1)
            try await queue.age(.seconds(2000))
            #expect(try await queue.first.promoteDue(limit: 10).moved == 0)
        },
        .init("lists every job it has given out or can give out, and none that it keeps for later") { queue in
            let jobs = Set((1...4500).map { JobID(rawValue: $0) })
            try await queue.first.dispatch(
                entries(1...3000, priority: 0) + entries(3001...4500, priority: 9) + delayed(4501...5000, by: 900))
            try await queue.first.dispatch(
                entries([9999], model: model("b")) + delayed([9998], by: 9, model: model("b")))
            _ = try await queue.first.claim(model: model(), by: ada, limit: 700, wait: .zero)
            #expect(try await queue.second.heldJobs(model: model()) == jobs)
            let some = try await queue.first.claim(model: model(), by: ada, limit: 100, wait: .zero)
            try await queue.first.acknowledge(some)
            #expect(try await queue.second.heldJobs(model: model()) == jobs.subtracting(some.map(\.job)))
            #expect(try await queue.second.heldJobs(model: model("c")).isEmpty)
        },
        .init("takes an entry of several jobs for each of them") { queue in
            func run(_ first: Int64, _ count: Int, share: String, weight: Int = 1, by delay: TimeInterval? = nil)
                -> DispatchEntry
            {
                DispatchEntry(
                    job: JobID(rawValue: first), count: count, lane: QueueLane(model: model(), priority: 4),
                    share: QueueShare(name: share, weight: weight),
                    notBefore: delay.map { Date(timeIntervalSinceNow: $0) })
            }
            try await queue.first.dispatch([run(1, 1000, share: "a"), run(2001, 500, share: "b", weight: 3)])
            try await queue.first.dispatch([run(3001, 1, share: "a"), run(4001, 100, share: "a", by: 900)])
            let jobs = [1...1000, 2001...2500, 3001...3001].joined().map { JobID(rawValue: Int64($0)) }
            #expect(try await queue.second.depth(model: model()) == QueueDepth(ready: 1501, pending: 0, delayed: 100))
            #expect(try await queue.second.heldJobs(model: model()) == Set(jobs))

            var taken: [Int64] = []
            while taken.count < 400 {
                let some = try await queue.first.claim(model: model(), by: ada, limit: 7, wait: .zero)
                try #require(!some.isEmpty)
                taken += some.numbers
                try await queue.first.acknowledge(some)
            }
            // After what was settled before the second share came, three of it for each of the first.
            let fair = taken[150..<350].count { $0 > 2000 }
            #expect((148...152).contains(fair), "\(fair) of 200 for a weight of 3 in 4")
            #expect(
                try await queue.second.depth(model: model())
                    == QueueDepth(ready: 1501 - taken.count, pending: 0, delayed: 100))
            #expect(
                try await queue.second.heldJobs(model: model())
                    == Set(jobs).subtracting(taken.map(JobID.init(rawValue:))))
            let rest = try await drain(queue.second, by: bob)
            #expect(Set(taken + rest.numbers) == Set(jobs.map(\.rawValue)) && taken.count + rest.count == jobs.count)
            for share in [1...1000, 2001...2500].map({ $0.map(Int64.init) }) {
                #expect((taken + rest.numbers).filter(Set(share).contains) == share, "in order within a share")
            }
            try await queue.second.acknowledge(rest)

            try await queue.age(.seconds(1000))
            while try await queue.first.promoteDue(limit: 10).moved > 0 {}
            #expect(try await drain(queue.first, by: ada).numbers == (4001...4100).map(Int64.init))
        },
        .init("measures its depth") { queue in
            #expect(try await queue.first.depth(model: model()) == QueueDepth(ready: 0, pending: 0, delayed: 0))
            try await queue.first.dispatch(
                entries(1...5) + entries(6...8, priority: 9) + delayed(9...10, by: 900)
                    + entries([11], model: model("b")))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 6, wait: .zero)
            #expect(try await queue.second.depth(model: model()) == QueueDepth(ready: 2, pending: 6, delayed: 2))
            try await queue.first.acknowledge(Array(held.prefix(2)))
            #expect(try await queue.second.depth(model: model()) == QueueDepth(ready: 2, pending: 4, delayed: 2))
        },
        .init("keeps its epoch until it is wiped") { queue in
            let first = try await queue.first.epoch()
            #expect(first.isNew)
            let seen = try await queue.second.epoch()
            #expect(seen == QueueEpoch(id: first.id, isNew: false))
            try await queue.wipe()
            let next = try await queue.second.epoch()
            #expect(next.isNew && next.id != first.id)
            #expect(try await queue.first.epoch() == QueueEpoch(id: next.id, isNew: false))
        },
        .init("works on after a wipe") { queue in
            try await queue.first.dispatch(entries(1...10) + delayed([11], by: 900))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 3, wait: .zero)
            try await queue.wipe()
            #expect(try await queue.first.heldJobs(model: model()).isEmpty)
            try await queue.first.renew(held, by: ada)
            try await queue.first.acknowledge(held)
            #expect(try await queue.first.takeOver(model: model(), by: ada, idleFor: .zero, limit: 9).isEmpty)
            #expect(try await queue.first.promoteDue(limit: 9) == (0, nil))
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 9, wait: .zero).isEmpty)
            // Entries from before the first claim after the wipe are delivered too.
            try await queue.second.dispatch(entries(1...10))
            #expect(try await drain(queue.first, by: ada).numbers == Array(1...10))
        },
        .init("wakes a waiting claim after a wipe") { queue in
            for job: Int64 in 1...5 {
                async let claim = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
                try await queue.wipe()
                try await queue.second.dispatch(entries([job]))
                #expect(try await claim.numbers == [job])
            }
        },
    ]
}
