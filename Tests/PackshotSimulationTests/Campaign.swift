import Foundation
import Synchronization

/// Many simulations, on as many threads as there are cores.
struct Campaign {
    private(set) var seeds = 0
    private(set) var counts = Counts()
    private(set) var staleSettlements = 0
    private(set) var longestRecovery: VirtualTime = 0
    /// The failure with the smallest seed.
    private(set) var failure: SimulationResult?

    /// Simulates the scenarios of `seeds` until one fails.
    static func run(_ seeds: ClosedRange<UInt64>, sabotage: Sabotage? = nil) async -> Campaign {
        let progress = Progress(seeds)
        // Threads of their own: a simulation keeps its thread busy for its whole length.
        await withTaskGroup { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    await withCheckedContinuation { done in
                        Thread.detachNewThread {
                            while let seed = progress.next() {
                                progress.add(simulate(Scenario(seed: seed), sabotage: sabotage))
                            }
                            done.resume()
                        }
                    }
                }
            }
        }
        return progress.campaign
    }

    fileprivate mutating func add(_ result: SimulationResult) {
        seeds += 1
        counts.add(result.counts)
        staleSettlements += result.staleSettlements
        longestRecovery = max(longestRecovery, result.recovery)
        if result.violation != nil, result.scenario.seed < failure?.scenario.seed ?? .max { failure = result }
    }

    var summary: String {
        "simulated \(seeds) seeds, \(counts.operations) operations, \(staleSettlements) stale finishes refused"
    }
}

/// What the threads of a campaign share.
private final class Progress: Sendable {
    private let state: Mutex<(next: UInt64, campaign: Campaign)>
    private let last: UInt64

    init(_ seeds: ClosedRange<UInt64>) {
        state = Mutex((seeds.lowerBound, Campaign()))
        last = seeds.upperBound
    }

    var campaign: Campaign { state.withLock(\.campaign) }

    func next() -> UInt64? {
        state.withLock { state in
            guard state.next <= last, state.campaign.failure == nil else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    func add(_ result: SimulationResult) {
        state.withLock { $0.campaign.add(result) }
    }
}
