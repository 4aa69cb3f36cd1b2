internal import PackshotJobs
internal import Testing

/// Dispatch and claims: order, priority, aging, limits.
extension JobQueueConformance {
    static let claiming: [ConformanceCase<JobQueueFixture>] = [
        .init("delivers a lane in the order of dispatch, however the claims are cut") { queue in
            try await queue.first.dispatch(entries(1...50))
            try await queue.first.dispatch(entries(51...100))
            #expect(try await drain(queue.first, by: ada, limit: 7).numbers == Array(1...100))
        },
        .init("delivers a delivery's own lane and numbers of any size") { queue in
            let lane = QueueLane(model: model(), priority: 9)
            let jobs = [1, .max, 9_007_199_254_740_993, 0].map(JobID.init(rawValue:))
            try await queue.first.dispatch(jobs.map { DispatchEntry(job: $0, lane: lane, notBefore: nil) })
            let taken = try await queue.second.claim(model: model(), by: bob, limit: 10, wait: .zero)
            #expect(taken.map(\.job) == jobs)
            #expect(taken.allSatisfy { $0.lane == lane })
            #expect(Set(taken.map(\.entry)).count == jobs.count)
        },
        .init("delivers each entry to one worker only") { queue in
            try await queue.first.dispatch(entries(1...2000))
            async let adas = drain(queue.first, by: ada, limit: 3)
            async let bobs = drain(queue.second, by: bob, limit: 3)
            let all = try await adas + bobs
            #expect(all.count == 2000)
            #expect(Set(all.numbers) == Set(1...2000))
        },
        .init("prefers urgent lanes") { queue in
            for priority in QueueLane.priorities.reversed() {
                try await queue.first.dispatch(entries([Int64(priority)], priority: priority))
            }
            #expect(try await drain(queue.first, by: ada, limit: 1).numbers == Array(0...9))
        },
        .init("fills one claim from several lanes, up to its limit") { queue in
            for priority in [8, 2, 5] {
                try await queue.first.dispatch(entries((1...3).map { Int64(priority * 10 + $0) }, priority: priority))
            }
            let first = try await queue.first.claim(model: model(), by: ada, limit: 5, wait: .zero)
            #expect(first.numbers == [21, 22, 23, 51, 52])
            let second = try await queue.first.claim(model: model(), by: ada, limit: 100, wait: long)
            #expect(second.numbers == [53, 81, 82, 83])
        },
        .init("gives shares turns by their weights, whoever came first") { queue in
            let (great, small) = (QueueShare(name: "t:great", weight: 3), QueueShare(name: "b:7", weight: 1))
            try await queue.first.dispatch(entries(1...2_000, share: small))
            try await queue.first.dispatch(entries(10_001...12_000, share: great))
            let taken = try await drain(queue.first, by: ada, limit: 5).numbers
            #expect(taken.count == 4_000)
            #expect(taken.filter { $0 < 10_000 } == Array(1...2_000), "in order within a share")
            #expect(taken.filter { $0 > 10_000 } == Array(10_001...12_000))
            // Some dozens were next already when the second came.
            let later = taken[100..<900].count { $0 > 10_000 }
            #expect((590...610).contains(later), "\(later) of 800 turns for three quarters of the weight")
        },
        .init("saves no turns up for a share that had nothing to do") { queue in
            let (one, two) = (QueueShare(name: "b:1", weight: 1), QueueShare(name: "b:2", weight: 1))
            try await queue.first.dispatch(entries([9_999], share: two))
            try await queue.first.dispatch(entries(1...1_000, share: one))
            for _ in 0..<5 { _ = try await queue.first.claim(model: model(), by: ada, limit: 100, wait: .zero) }
            try await queue.first.dispatch(entries(2_001...2_400, share: two))
            let taken = try await drain(queue.first, by: ada, limit: 9).numbers
            let twos = taken[100..<300].count { $0 > 2_000 }
            #expect((90...110).contains(twos), "\(twos) of 200")
        },
        .init("makes up to a share that comes late for what others have in hand") { queue in
            let (great, small) = (QueueShare(name: "t:great", weight: 1), QueueShare(name: "b:7", weight: 1))
            try await queue.first.dispatch(entries(1...1_000, share: great))
            let inHand = try await queue.first.claim(model: model(), by: ada, limit: 20, wait: .zero)
            try await queue.first.dispatch(entries(2_001...2_100, share: small))
            let taken = try await work(queue.second, by: bob, claims: 36)
            #expect(inHand.count == 20 && taken.count == 180)
            #expect(taken.count { $0 > 2_000 } >= 95, "half of the 200 that were not done when it came")
            #expect(taken[..<20].contains { $0 > 2_000 }, "and its first ones soon")
        },
        .init("makes nothing up for a job that hangs") { queue in
            let (great, small) = (QueueShare(name: "t:great", weight: 1), QueueShare(name: "b:7", weight: 1))
            try await queue.first.dispatch(entries(1...1_000, share: great))
            let hanging = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero)
            #expect(try await work(queue.second, by: bob, claims: 100).count == 500)
            try await queue.first.dispatch(entries(2_001...2_400, share: small))
            let later = try await work(queue.second, by: bob, claims: 40)
            #expect((85...115).contains(later.count { $0 > 2_000 }), "\(hanging.count) of 501 in hand")
        },
        .init("wakes more waiting workers than a stream holds ready") { queue in
            let waiting = Task { try await queue.second.claim(model: model(), by: bob, limit: 1, wait: long) }
            try await Task.sleep(for: .milliseconds(50))
            try await queue.first.dispatch(entries(1...500))
            #expect(try await waiting.value.count == 1)
            #expect(try await queue.first.depth(model: model()) == QueueDepth(ready: 499, pending: 1, delayed: 0))
            #expect(try await queue.first.heldJobs(model: model()).count == 500)
            #expect(try await drain(queue.first, by: ada, limit: 100).count == 499)
        },
        .init("serves waiting lanes with every 20th claim, the longest waiting first") { queue in
            // A queue counts waiting in whole milliseconds: without a pause two lanes may have waited equally long.
            try await queue.first.dispatch(entries(901...903, priority: 9))
            try await Task.sleep(for: .milliseconds(5))
            try await queue.first.dispatch(entries(501...503, priority: 5))
            try await Task.sleep(for: .milliseconds(5))
            try await queue.first.dispatch(entries(1...200, priority: 0))
            var taken: [Int64] = []
            for turn in 1...100 {
                // Both workers' claims count.
                let claim = try await (turn.isMultiple(of: 3) ? queue.second : queue.first)
                    .claim(model: model(), by: turn.isMultiple(of: 3) ? bob : ada, limit: 1, wait: .zero)
                taken += claim.numbers
            }
            #expect(taken.count == 100)
            let aged = taken.enumerated().filter { $0.element > 200 }
            #expect(aged.map(\.offset) == [19, 39, 59, 79, 99])
            #expect(aged.map(\.element) == [901, 902, 903, 501, 502])
            #expect(taken.filter { $0 <= 200 } == Array(1...95))
        },
        .init("counts only claims that took something") { queue in
            for _ in 1...25 { _ = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero) }
            try await queue.first.dispatch(entries([9], priority: 9) + entries(1...19, priority: 0))
            #expect(try await drain(queue.first, by: ada, limit: 1).numbers == Array(1...19) + [9])
        },
        .init("keeps models apart") { queue in
            try await queue.first.dispatch(entries([1], model: model("a")) + entries([2], model: model("b")))
            let b = try await queue.first.claim(model: model("b"), by: ada, limit: 9, wait: .zero)
            #expect(b.numbers == [2])
            #expect(b.first?.lane.model == model("b"))
            #expect(try await queue.first.claim(model: model("a"), by: ada, limit: 9, wait: .zero).numbers == [1])
        },
        .init("allows a job to be there twice") { queue in
            var both: [Delivery] = []
            for _ in 1...2 {
                try await queue.first.dispatch(entries([7]))
                both += try await queue.first.claim(model: model(), by: ada, limit: 9, wait: .zero)
            }
            try #require(both.numbers == [7, 7])
            try await queue.first.acknowledge([both[0]])
            #expect(try await queue.first.heldJobs(model: model()) == [JobID(rawValue: 7)])
            try await queue.first.acknowledge([both[1]])
            #expect(try await queue.first.heldJobs(model: model()).isEmpty)
        },
        .init("takes empty lists") { queue in
            try await queue.first.dispatch([])
            try await queue.first.acknowledge([])
            try await queue.first.renew([], by: ada)
            #expect(try await queue.first.depth(model: model()) == QueueDepth(ready: 0, pending: 0, delayed: 0))
        },
    ]
}
