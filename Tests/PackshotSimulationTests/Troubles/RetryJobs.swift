import Foundation
import PackshotJobs
import PackshotTestSupport

extension Trouble {
    /// A person has every discarded job, or one that was cancelled or waits, tried again.
    static let retryJobs = Trouble("retry-jobs", weight: 2) { world in
        var selection = JobSelection(states: [.discarded])
        if world.random.once(in: 2) {
            selection = JobSelection()
            selection.job = world.random.pick(world.memory.jobs)?.id
        }
        try await world.ask { [selection] in try await $0.retry(selection) }
    }
}

extension LedgerClient {
    /// The entries are lost when the answer is, as when the person's program is killed before it dispatches them.
    fileprivate func retry(_ selection: JobSelection) async throws {
        let entries = try await call("retry") {
            world.happen("retry-jobs", selection.job.map { "job \($0)" } ?? "all that were discarded")
            let answer = try await world.memory.retry(selection, limit: 100)
            world.check { try world.model.retried(selection, at: world.ledgerServer.clock.date, answer) }
            return answer
        }
        try await QueueClient(world: world, process: process).dispatch(entries)
    }
}

extension ReferenceModel {
    fileprivate mutating func retried(_ selection: JobSelection, at now: Date, _ answer: [DispatchEntry]) throws {
        let meant = jobs.filter { id, job in
            [.discarded, .cancelled, .retryable].contains(job.state) && (selection.job ?? id) == id
                && (selection.states.isEmpty || selection.states.contains(job.state))
        }.keys.sorted()
        try expect(answer.map(\.job) == meant, "\(meant) were to be retried, \(answer.map(\.job)) were")
        for id in meant {
            try change(id, to: .available) {
                ($0.attempts, $0.reason, $0.waitingSince) = (0, nil, now)
            }
        }
    }
}
