import PackshotJobs
import PackshotTestSupport

/// A store's machine.
final class Server: @unchecked Sendable {
    let store: StoreError.Store
    let clock = StoreClock()
    var isUp = true

    init(_ store: StoreError.Store) { self.store = store }
}

/// One connection of one process to one store.
final class Link: @unchecked Sendable {
    var isCut = false
}

extension World {
    /// Sends a request, has the store carry it out, and brings the answer back.
    ///
    /// Once sent, a request no longer needs its sender: who dies or is cut off meanwhile may have it carried out all the
    /// same. What an answer lost on the way stands for, its sender cannot know.
    func call<Answer>(
        _ server: Server, _ process: SimulatedProcess, _ link: Link, _ what: @autoclosure () -> String,
        _ body: @escaping () async throws -> Answer
    ) async throws -> Answer {
        guard process.isAlive else { throw Ended() }
        counts.operations += 1
        let unreachable = StoreError(server.store, .unreachable, "no answer")
        let name = trace == nil ? "" : "\(server.store.rawValue) \(what())"
        try dieSometimes(process, "before \(what().prefix { $0 != " " })", once: 400)
        if has(.lateRequests), random.once(in: 150) {
            let delay = random.time(.seconds(1)...(.seconds(30)))
            note(process.name, "\(name): the request will arrive in \(delay.inSeconds) s")
            counts["late request"] += 1
            spawn { [self] in
                try await simulator.sleep(simulator.network, delay)
                guard server.isUp else { return }
                server.clock.set(simulator.now)
                note(process.name, "\(name): arrives late")
                _ = try? await body()
            }
            try await simulator.sleep(process, settings.timeout)
            throw unreachable
        }
        let departure = simulator.now
        try await simulator.sleep(simulator.network, random.time(settings.latency))
        guard server.isUp, !link.isCut else {
            try await simulator.sleep(process, random.once(in: 2) ? .milliseconds(1) : settings.timeout)
            note(process.name, "\(name): unreachable")
            throw unreachable
        }
        if has(.refusals), random.once(in: 60) {
            try await simulator.sleep(process, random.time(settings.latency))
            note(process.name, "\(name): refused")
            throw StoreError(server.store, .refused, "not now")
        }
        server.clock.set(simulator.now)
        let result: Result<Answer, any Error>
        do { result = .success(try await body()) } catch let error as StoreError { result = .failure(error) }
        try dieSometimes(process, "before the answer to \(what().prefix { $0 != " " })", once: 400)
        if !server.isUp || link.isCut || (has(.lostAnswers) && random.once(in: 40)) {
            try await simulator.sleep(process, max(0, departure + settings.timeout - simulator.now))
            note(process.name, "\(name): carried out, answer lost")
            counts["lost answer"] += 1
            throw unreachable
        }
        try await simulator.sleep(process, random.time(settings.latency))
        note(process.name, "\(name): \(result.described)")
        return try result.get()
    }
}

extension Result {
    fileprivate var described: String {
        switch self {
        case .success(let value as [ClaimedJob]): "\(value.map { "job \($0.id) as attempt \($0.attempt)" })"
        case .success(let value as [DispatchEntry]): "\(value.map(\.job))"
        case .success(let value as [Delivery]): "\(value.map(\.job))"
        case .success(let value as Set<JobID>): "\(value.sorted())"
        case .success(let value as RescuedJobs): "\(value.available.map(\.job)), discarded \(value.discarded.map(\.id))"
        case .success(let value as HeartbeatReply): "lost \(value.lost.count), cancelled \(value.cancelled.count)"
        case .success(let value): value is Void ? "done" : "\(value)"
        case .failure(let error): "\(error)"
        }
    }
}
