internal import PackshotJobs
internal import Testing

/// Entries in a worker's hands: renewing, taking over, acknowledging.
extension JobQueueConformance {
    static let holding: [ConformanceCase<JobQueueFixture>] = [
        .init("takes over entries that are idle, and no others") { queue in
            try await queue.first.dispatch(entries(1...3))
            let old = try await queue.first.claim(model: model(), by: ada, limit: 2, wait: .zero)
            try await queue.age(.seconds(40))
            let young = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero)
            #expect(young.numbers == [3])
            let taken = try await queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 10)
            #expect(taken == old)
            // Now they are fresh again.
            let again = try await queue.first.takeOver(model: model(), by: ada, idleFor: .seconds(30), limit: 10)
            #expect(again.isEmpty)
        },
        .init("leaves renewed entries alone") { queue in
            try await queue.first.dispatch(entries(1...2))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 2, wait: .zero)
            try await queue.age(.seconds(40))
            try await queue.first.renew([held[1]], by: ada)
            let taken = try await queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 10)
            #expect(taken == [held[0]])
        },
        .init("renews only what is still held") { queue in
            try await queue.first.dispatch(entries([1]))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero)
            try await queue.age(.seconds(40))
            _ = try await queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 1)
            try await queue.age(.seconds(40))
            // Ada no longer holds it, so her renewal keeps nobody from taking it.
            try await queue.first.renew(held, by: ada)
            let taken = try await queue.first.takeOver(model: model(), by: ada, idleFor: .seconds(30), limit: 1)
            #expect(taken == held)
            // What is gone cannot be renewed into being.
            try await queue.first.acknowledge(held)
            try await queue.first.renew(held, by: ada)
            #expect(try await queue.first.depth(model: model()).pending == 0)
        },
        .init("lets one worker lead, and another once it is silent") { queue in
            #expect(try await queue.first.lead(model: model(), by: ada, for: .seconds(600)) == nil)
            let left = try #require(try await queue.second.lead(model: model(), by: bob, for: .seconds(600)))
            #expect(left > .seconds(500) && left <= .seconds(600))
            #expect(try await queue.first.lead(model: model(), by: ada, for: .milliseconds(1)) == nil)
            try await queue.age(.seconds(40))
            while let left = try await queue.second.lead(model: model(), by: bob, for: .seconds(600)) {
                #expect(left <= .milliseconds(1))
            }
            let busy = try await queue.first.lead(model: model(), by: ada, for: .seconds(600))
            #expect(busy != nil)
            // As if the clock had been set back.
            #expect(try await queue.first.lead(model: model(), by: ada, for: .seconds(300)) == nil)
        },
        .init("finds the worker's own lost deliveries") { queue in
            try await queue.first.dispatch(entries([1]))
            let lost = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero)
            try await queue.age(.seconds(40))
            let found = try await queue.first.takeOver(model: model(), by: ada, idleFor: .seconds(30), limit: 5)
            #expect(found == lost)
        },
        .init("takes over up to a limit, urgent lanes first") { queue in
            try await queue.first.dispatch(entries(91...99, priority: 9) + entries(1...3, priority: 1))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 12, wait: .zero)
            #expect(held.count == 12)
            try await queue.age(.seconds(40))
            let some = try await queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 5)
            #expect(some.numbers == [1, 2, 3, 91, 92])
            let rest = try await queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 50)
            #expect(rest.numbers == Array(93...99))
        },
        .init("takes over each entry for one worker only") { queue in
            try await queue.first.dispatch(entries(1...500))
            _ = try await queue.first.claim(model: model(), by: ada, limit: 500, wait: .zero)
            try await queue.age(.seconds(40))
            async let adas = queue.first.takeOver(model: model(), by: ada, idleFor: .seconds(30), limit: 400)
            async let bobs = queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 400)
            let all = try await adas + bobs
            #expect(all.count == 500)
            #expect(Set(all.numbers) == Set(1...500))
        },
        .init("acknowledges for good, whoever holds the entry, and twice without harm") { queue in
            try await queue.first.dispatch(entries(1...4))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 3, wait: .zero)
            try await queue.second.acknowledge([held[0], held[1]])
            try await queue.first.acknowledge([held[0]])
            try await queue.age(.seconds(40))
            let left = try await queue.second.takeOver(model: model(), by: bob, idleFor: .zero, limit: 10)
            #expect(left == [held[2]])
            #expect(try await queue.first.depth(model: model()) == QueueDepth(ready: 1, pending: 1, delayed: 0))
        },
        .init("keeps the pending entries of a worker that is forgotten") { queue in
            try await queue.first.dispatch(entries(1...2))
            let held = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero)
            try await queue.first.forget(ada, model: model())
            try await queue.age(.seconds(40))
            let taken = try await queue.second.takeOver(model: model(), by: bob, idleFor: .seconds(30), limit: 10)
            #expect(taken == held)
            try await queue.first.forget(ada, model: model())
            // A forgotten name may come back.
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .zero).numbers == [2])
        },
        .init("forgets workers it never met") { queue in
            try await queue.first.forget(WorkerID(rawValue: "nobody.0.z"), model: model("f"))
        },
    ]
}
