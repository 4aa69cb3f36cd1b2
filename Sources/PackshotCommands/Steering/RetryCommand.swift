package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis

/// `packshot retry`: gives jobs another chance.
package struct RetryCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Make discarded jobs available again, with all their attempts.",
        discussion: """
            Without --where state=… it takes discarded jobs (the dead letters). It also takes cancelled ones and those waiting \
            for their next attempt, if asked: --where state=cancelled, --where state=retryable. With --where state=completed it makes \
            images again whose files are gone, and leaves the others; what they cost stays on record.
            """)

    @OptionGroup package var jobs: JobSelectionOptions

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    private static let chunk = 5_000

    package func run() async throws {
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger()
        let queue = try await stores.queue(of: ledger, isQuiet: json)
        var selection = try await jobs.selection(reports)
        if selection.states.isEmpty { selection.states = [.discarded] }
        var count = 0
        if selection.states.remove(.completed) != nil {
            count += try await remakeLost(selection, ledger, queue)
            if selection.states.isEmpty { return try report(count) }
        }
        while true {
            let entries = try await ledger.retry(selection, limit: Self.chunk)
            if entries.isEmpty { break }
            try await queue.dispatch(entries)
            count += entries.count
        }
        try report(count)
    }

    private func report(_ count: Int) throws {
        if json { try Talk.json(["retried": count]) } else { Talk.result("\(count) jobs are available again") }
    }

    /// - Throws: ``CommandError`` `.notFound` when folders are not there: whether their files are gone cannot be known.
    private func remakeLost(
        _ selection: JobSelection, _ ledger: PostgresLedger, _ queue: RedisJobQueue
    ) async throws -> Int {
        var lost = LostFiles(ledger, try await ledger.identity().mark)
        var count = 0
        while let jobs = try await lost.next(selection) {
            let entries = try await ledger.remake(jobs)
            try await queue.dispatch(entries)
            count += entries.count
        }
        if lost.kept > 0, !json { Talk.note("\(lost.kept) images have their files and are left") }
        guard let (root, missing) = lost.unseen.min(by: { $0.key < $1.key }) else { return count }
        throw CommandError(
            .notFound,
            "\(missing) images should be in \(root), which has neither this ledger's mark nor any of them: mount it; or say where it is, "
                + "\"packshot ledger move \(root) NEW\"; or, if they are gone for good, create it and say \"packshot ledger adopt --out \(root)\""
        )
    }
}
