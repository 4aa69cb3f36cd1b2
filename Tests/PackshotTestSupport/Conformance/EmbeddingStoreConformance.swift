package import PackshotJobs
internal import Testing

/// An embedding store that nobody else uses, made with a time to live of 100 seconds and a limit of 1,000,000 bytes.
package struct EmbeddingStoreFixture: Sendable {
    package let store: any EmbeddingStore
    /// Makes everything in the store older by a duration, so that it expires sooner.
    package let age: @Sendable (Duration) async throws -> Void

    package init(store: any EmbeddingStore, age: @escaping @Sendable (Duration) async throws -> Void) {
        self.store = store
        self.age = age
    }
}

/// What ``EmbeddingStore`` promises.
package enum EmbeddingStoreConformance {
    /// Every case; a driver runs them all as arguments of one test.
    package static let cases: [ConformanceCase<EmbeddingStoreFixture>] = [
        .init("gives back the exact bytes") { fixture in
            let store = fixture.store
            var noise = SystemRandomNumberGenerator()
            let values: [[UInt8]] = [
                [], [0], Array("\r\n$5\r\n\0".utf8), Array("žluťoučký 🐎".utf8), (0...255).map { UInt8($0) },
                (0..<999_983).map { _ in UInt8.random(in: 0...255, using: &noise) },
            ]
            for (index, value) in values.enumerated() {
                try await store.store(value, for: key(UInt8(index)), by: "a")
            }
            for (index, value) in values.enumerated() {
                #expect(try await store.embedding(for: key(UInt8(index))) == value)
            }
            #expect(try await store.embedding(for: key(200)) == nil)
        },
        .init("replaces values") { fixture in
            try await fixture.store.store([1], for: key(1), by: "a")
            try await fixture.store.store([2, 2], for: key(1), by: "b")
            #expect(try await fixture.store.embedding(for: key(1)) == [2, 2])
        },
        .init("does not keep what is too large, and gives up the lock nevertheless") { fixture in
            #expect(try await fixture.store.tryLock(key(1), holder: "a", duration: .seconds(60)))
            try await fixture.store.store([UInt8](repeating: 7, count: 1_000_001), for: key(1), by: "a")
            #expect(try await fixture.store.embedding(for: key(1)) == nil)
            #expect(try await fixture.store.tryLock(key(1), holder: "b", duration: .seconds(60)))
            try await fixture.store.store([UInt8](repeating: 7, count: 1_000_000), for: key(1), by: "b")
            #expect(try await fixture.store.embedding(for: key(1))?.count == 1_000_000)
        },
        .init("expires what is not used, and keeps what is read") { fixture in
            try await fixture.store.store([1], for: key(1), by: "a")
            try await fixture.store.store([2], for: key(2), by: "a")
            try await fixture.age(.seconds(60))
            #expect(try await fixture.store.embedding(for: key(1)) == [1])
            try await fixture.age(.seconds(60))
            #expect(try await fixture.store.embedding(for: key(1)) == [1])
            #expect(try await fixture.store.embedding(for: key(2)) == nil)
        },
        .init("locks for one holder, by key") { fixture in
            let store = fixture.store
            #expect(try await store.tryLock(key(1), holder: "a", duration: .seconds(60)))
            #expect(try await !store.tryLock(key(1), holder: "b", duration: .seconds(60)))
            #expect(try await store.tryLock(key(2), holder: "b", duration: .seconds(60)))
            // A call whose answer was lost can be repeated.
            #expect(try await store.tryLock(key(1), holder: "a", duration: .seconds(60)))
            try await store.unlock(key(1), holder: "b")
            #expect(try await !store.tryLock(key(1), holder: "b", duration: .seconds(60)))
            try await store.unlock(key(1), holder: "a")
            #expect(try await store.tryLock(key(1), holder: "b", duration: .seconds(60)))
        },
        .init("gives the lock up with the result, if it is the holder's") { fixture in
            let store = fixture.store
            #expect(try await store.tryLock(key(1), holder: "a", duration: .seconds(60)))
            try await store.store([9], for: key(1), by: "b")
            #expect(try await !store.tryLock(key(1), holder: "c", duration: .seconds(60)))
            try await store.store([9], for: key(1), by: "a")
            #expect(try await store.tryLock(key(1), holder: "c", duration: .seconds(60)))
        },
        .init("takes the lock from a holder who died") { fixture in
            #expect(try await fixture.store.tryLock(key(1), holder: "dead", duration: .seconds(300)))
            try await fixture.age(.seconds(200))
            #expect(try await !fixture.store.tryLock(key(1), holder: "b", duration: .seconds(300)))
            try await fixture.age(.seconds(101))
            #expect(try await fixture.store.tryLock(key(1), holder: "b", duration: .seconds(300)))
            try await fixture.store.unlock(key(1), holder: "dead")
            #expect(try await !fixture.store.tryLock(key(1), holder: "c", duration: .seconds(300)))
        },
        .init("lets one of many compute") { fixture in
            let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        try await fixture.store.tryLock(key(1), holder: "w\(number)", duration: .seconds(60))
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
        },
        .init("adds up counters") { fixture in
            #expect(try await fixture.store.counters().isEmpty)
            try await fixture.store.count([.memory: 3, .encoder: 1, .redis: 0])
            try await fixture.store.count([.memory: 4])
            try await fixture.store.count([:])
            #expect(try await fixture.store.counters() == [.memory: 7, .encoder: 1])
        },
    ]

    private static func key(_ number: UInt8) -> [UInt8] { [number] + [UInt8](repeating: 0xA5, count: 31) }
}
