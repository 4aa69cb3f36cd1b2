internal import PackshotJobs
internal import Testing

/// Claims that wait, and what ends them.
extension JobQueueConformance {
    static let interrupting: [ConformanceCase<JobQueueFixture>] = [
        .init("returns none after the wait, and not before") { queue in
            let clock = ContinuousClock()
            let spent = try await clock.measure {
                let none = try await queue.first.claim(model: model(), by: ada, limit: 1, wait: .milliseconds(120))
                #expect(none.isEmpty)
            }
            #expect(spent >= .milliseconds(119))
            #expect(spent < soon)
        },
        .init("wakes a waiting claim when an entry comes, in any lane") { queue in
            for priority in [0, 4, 9] {
                async let claim = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
                try await queue.second.dispatch(entries([Int64(priority)], priority: priority))
                #expect(try await claim.numbers == [Int64(priority)])
            }
        },
        .init("interrupts a waiting claim at once") { queue in
            for _ in 1...20 {
                let start = ContinuousClock.now
                async let claim = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
                queue.first.interrupt()
                let taken = try await claim
                #expect(taken.isEmpty)
                #expect(.now - start < soon)
            }
        },
        .init("remembers an interrupt for the next claim, once") { queue in
            try await queue.first.dispatch(entries([1]))
            queue.first.interrupt()
            queue.first.interrupt()
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 1, wait: long).isEmpty)
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 1, wait: long).numbers == [1])
        },
        .init("interrupts its own claims only") { queue in
            async let claim = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
            queue.second.interrupt()
            try await queue.second.dispatch(entries([1]))
            #expect(try await claim.numbers == [1])
        },
        .init("loses and doubles nothing when interrupts meet deliveries") { queue in
            let total: Int64 = 300
            let claims = Task {
                var taken: [Delivery] = []
                let deadline = ContinuousClock.now + long
                while taken.count < Int(total), .now < deadline {
                    taken += try await queue.first.claim(model: model(), by: ada, limit: 2, wait: .seconds(5))
                }
                return taken
            }
            for job in 1...total {
                try await queue.second.dispatch(entries([job], priority: Int(job % 10)))
                queue.first.interrupt()
            }
            // Whatever an interrupt put back is claimed without anybody taking over.
            #expect(Set(try await claims.value.numbers) == Set(1...total))
            #expect(try await queue.first.depth(model: model()).ready == 0)
            #expect(try await queue.first.depth(model: model()).pending == Int(total))
        },
        .init("ends the claim of a cancelled task") { queue in
            let claim = Task { try await queue.first.claim(model: model(), by: ada, limit: 1, wait: long) }
            claim.cancel()
            await #expect(throws: CancellationError.self) { try await claim.value }
            // The client serves on.
            try await queue.first.dispatch(entries([1]))
            #expect(try await queue.first.claim(model: model(), by: ada, limit: 1, wait: long).numbers == [1])
        },
        .init("serves on after an interrupt") { queue in
            async let claim = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
            queue.first.interrupt()
            #expect(try await claim.isEmpty)
            async let next = queue.first.claim(model: model(), by: ada, limit: 1, wait: long)
            try await queue.second.dispatch(entries([5]))
            #expect(try await next.numbers == [5])
        },
    ]
}
