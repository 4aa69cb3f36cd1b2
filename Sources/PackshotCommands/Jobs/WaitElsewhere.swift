internal import PackshotJobs
internal import PackshotPostgres

/// Waits for jobs of other batches that a submission asked for, too.
struct WaitElsewhere {
    let reports: LedgerReports
    /// Their batches.
    let batches: [BatchID]

    private static let piece = 1_000

    /// Returns how many of the jobs ended without an image, once none can change by itself any more.
    /// - Throws: ``CommandError`` `.overBudget` when a batch of theirs has used up its budget.
    func wait(for jobs: [JobID]) async throws -> Int {
        var failed = 0
        var paused: Set<BatchID> = []
        var backoff = Duration.milliseconds(250)
        for start in stride(from: 0, to: jobs.count, by: Self.piece) {
            let piece = Array(jobs[start..<min(jobs.count, start + Self.piece)])
            while true {
                do {
                    let states = try await reports.states(of: piece)
                    if states.allSatisfy({ $0.key.isFinal }) {
                        failed += (states[.cancelled] ?? 0) + (states[.discarded] ?? 0)
                        break
                    }
                    try await look(&paused)
                    backoff = .milliseconds(250)
                } catch let error as StoreError where error.isTransient {
                    Talk.note("\(error.message); trying again")
                    backoff = min(backoff * 2, .seconds(5))
                }
                try await Task.sleep(for: backoff)
            }
        }
        return failed
    }

    /// Says once what holds a batch up.
    private func look(_ paused: inout Set<BatchID>) async throws {
        for id in batches where !paused.contains(id) {
            let report = try await reports.batch(id)
            if report.isStoppedByBudget {
                throw CommandError(
                    .overBudget,
                    "the budget of batch \(report.name) (number \(id)), which has some of these images, is used up; go on with \"packshot resume \(id) --max-cost USD\""
                )
            }
            guard
                let news = report.pauseReason.map({ _ in "paused: packshot resume \(id) goes on" })
                    ?? BatchProgress.hint(report)
            else { continue }
            paused.insert(id)
            Talk.note("packshot: batch \(report.name) (number \(id)), which has some of these images: \(news)")
        }
    }
}
