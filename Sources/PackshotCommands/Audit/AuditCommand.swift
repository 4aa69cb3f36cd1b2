package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis
internal import PackshotWorker

/// `packshot audit`: proves that nothing was lost, made twice or charged wrongly.
package struct AuditCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Compare manifests, files, ledger and queue; exit code 7 if they disagree.",
        discussion: """
            I1 every completed job has one row and one file with its bytes; I2 there are no other files; I3 the money adds up; \
            I4 the queue is empty once everything is done; I5 every attempt has an end and every history is whole; I7 whatever a \
            manifest says was accepted is in the ledger; I8 no worker is busy for longer than it lived. (I6, the same bytes \
            again, is packshot verify --rerender.)

            Run it when no worker is writing: --strict also counts as wrong what may be under way, unfinished jobs above all.
            """)

    @Flag(help: "Everything must be finished: unfinished jobs, and entries left in the queue, count as wrong.")
    package var strict = false

    @Option(help: "A manifest that enqueue --manifest wrote. May be repeated.")
    package var manifest: [String] = []

    @Flag(name: .customLong("no-files"), help: "Leave the files alone: for fleets that were simulated without any.")
    package var noFiles = false

    @Flag(help: "Print the report as JSON.")
    package var json = false

    package init() {}

    private struct Report: Encodable {
        let breaches: [LedgerAudit.Breach]
        let jobs: [String: Int]
        let files: Int
        let accepted: Int
        let staleSettlementsRefused: Int
    }

    package func run() async throws {
        let stores = try Stores()
        let (ledger, reports) = try await stores.ledger(for: .read)
        let audit = LedgerAudit(reports)
        var breaches = try await audit.breaches()
        let (jobs, refusals) = try await audit.totals()
        var files = ImageFilesAudit()
        if !noFiles {
            var last: Int64 = 0
            while true {
                let page = try await audit.images(after: last, limit: 1_000)
                guard let end = page.last else { break }
                for image in page { files.check(image) }
                last = end.job
            }
            files.look(below: try await audit.batchFolders())
            breaches += files.breaches
        }
        let (accepted, missing) = try await checkManifests(reports)
        breaches += missing
        breaches += try await checkQueue(stores, reports, jobs)
        breaches += try await checkOwners(stores, ledger)
        let report = Report(
            breaches: breaches, jobs: Dictionary(uniqueKeysWithValues: jobs.map { ($0.key.rawValue, $0.value) }),
            files: files.checked, accepted: accepted, staleSettlementsRefused: refusals)
        if json { try Talk.json(report) } else { Talk.result(Self.text(report)) }
        guard breaches.isEmpty else {
            throw CommandError(.verificationFailed, "\(breaches.count) rules are broken")
        }
    }

    private func checkManifests(_ reports: LedgerReports) async throws -> (Int, [LedgerAudit.Breach]) {
        var accepted = 0
        var missing: [String] = []
        for path in manifest {
            try await SubmissionManifest.read(path) { lines in
                accepted += lines.count
                let known = try await reports.standings(ofKeys: lines.map(\.key))
                missing += lines.filter { known[$0.key] == nil }.map { "\($0.sku), shot \($0.shot)-\($0.variant)" }
            }
        }
        guard !missing.isEmpty else { return (accepted, []) }
        return (
            accepted,
            [
                LedgerAudit.Breach(
                    invariant: "I7", rule: "whatever was accepted is in the ledger",
                    examples: Array(missing.prefix(10)),
                    count: missing.count)
            ]
        )
    }

    private func checkQueue(
        _ stores: Stores, _ reports: LedgerReports, _ jobs: [JobState: Int]
    ) async throws -> [LedgerAudit.Breach] {
        var breaches: [LedgerAudit.Breach] = []
        let unfinished = jobs.filter { !$0.key.isFinal }.reduce(0) { $0 + $1.value }
        if unfinished > 0, strict {
            breaches.append(
                LedgerAudit.Breach(
                    invariant: "I1", rule: "every job is finished",
                    examples: jobs.filter { !$0.key.isFinal }.map { "\($0.value) \($0.key.rawValue)" }.sorted(),
                    count: unfinished))
        }
        // What was given up leaves its entries to whoever meets them next: workers, or nobody while there are none.
        guard unfinished == 0, strict || jobs[.cancelled, default: 0] + jobs[.discarded, default: 0] == 0 else {
            return breaches
        }
        let queue = try await stores.queue(of: nil, isQuiet: true)
        for model in try await reports.models() {
            let depth = try await queue.depth(model: model)
            let count = depth.ready + depth.pending + depth.delayed
            if count > 0 {
                breaches.append(
                    LedgerAudit.Breach(
                        invariant: "I4", rule: "the queue is empty once everything is done",
                        examples: [
                            "\(depth.ready) ready, \(depth.pending) delivered, \(depth.delayed) delayed of \(model)"
                        ],
                        count: count))
            }
        }
        return breaches
    }

    /// What the ledger works with must be its own.
    private func checkOwners(_ stores: Stores, _ ledger: PostgresLedger) async throws -> [LedgerAudit.Breach] {
        let mark = try await ledger.identity().mark
        let owner = QueueOwner(mark: mark, url: stores.redis)
        var wrong = [owner.refusal(try await owner.standing(RedisConnection(stores.redis)))?.message]
        if !noFiles {
            let folders = LedgerFolder(mark)
            for root in try await ledger.outputRoots() {
                wrong.append(try? folders.standing(of: root).flatMap { folders.refusal($0, root)?.message })
            }
        }
        let examples = wrong.compactMap(\.self)
        guard !examples.isEmpty else { return [] }
        return [
            LedgerAudit.Breach(
                invariant: "I4", rule: "the queue and the folders are no other ledger's",
                examples: Array(examples.prefix(10)), count: examples.count)
        ]
    }

    private static func text(_ report: Report) -> String {
        var lines = report.breaches.map { breach in
            "\(breach.invariant) broken \(breach.count) times: \(breach.rule)\n"
                + breach.examples.map { "    \($0)" }.joined(separator: "\n")
        }
        let jobs = report.jobs.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        lines.append(
            "\(report.breaches.isEmpty ? "sound" : "NOT SOUND"): \(jobs.isEmpty ? "no jobs" : jobs); \(report.files) files compared, \(report.accepted) accepted images looked up, \(report.staleSettlementsRefused) stale settlements refused"
        )
        return lines.joined(separator: "\n")
    }
}
