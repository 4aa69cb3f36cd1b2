internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres

/// Follows a batch to its end: a line that rewrites itself on a terminal, a line every ten seconds elsewhere.
struct BatchProgress {
    let reports: LedgerReports

    /// Returns the last report, once no job of the batch can change any more by itself or its budget is used up.
    func follow(_ batch: BatchID) async throws -> LedgerReports.BatchReport {
        var lastLine = ContinuousClock().now - .seconds(60)
        let start = lastLine + .seconds(60)
        var hint: String?
        var backoff = Duration.milliseconds(200)
        while true {
            let report: LedgerReports.BatchReport
            do {
                report = try await reports.batch(batch)
                backoff = .milliseconds(200)
            } catch let error as StoreError where error.isTransient {
                Talk.note("\(error.message); trying again")
                try await Task.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(5))
                continue
            }
            // Workers that were started just now have two seconds to be heard of.
            let isEarly = report.beginsAt == nil && ContinuousClock().now - start < .seconds(2)
            if !isEarly, case let news = Self.hint(report), news != hint {
                hint = news
                if let news { Talk.note((Talk.isInteractive ? "\n" : "") + "packshot: \(report.name): \(news)") }
            }
            if Talk.isInteractive {
                Talk.rewrite(Self.line(report))
            } else if report.isFinished || ContinuousClock().now - lastLine >= .seconds(10) {
                Talk.note(Self.line(report))
                lastLine = ContinuousClock().now
            }
            if report.isFinished || report.isStoppedByBudget {
                if Talk.isInteractive { Talk.note("") }
                return report
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    /// Why nothing of a batch is being made although something is left to make; nil when there is no such reason.
    static func hint(_ report: LedgerReports.BatchReport) -> String? {
        guard !report.isFinished, report.pauseReason == nil, report.jobs["running"] ?? 0 == 0 else { return nil }
        if let moment = report.beginsAt { return "begins \(moment)" }
        guard report.workers == 0 else { return nil }
        return "no worker serves this model yet: packshot worker --model \(report.modelPath) --out \(report.outputRoot)"
    }

    /// One line such as `demo  96/140 done  2 running  5.1 images/s  8 s left  $0.000412`.
    static func line(_ report: LedgerReports.BatchReport) -> String {
        var parts = ["\(report.name)", "\(report.images)/\(report.total) done"]
        for state in ["running", "retryable", "discarded", "cancelled"] {
            if let count = report.jobs[state], count > 0 { parts.append("\(count) \(state)") }
        }
        if let reason = report.pauseReason { parts.append(reason == "budget" ? "paused: budget used up" : "paused") }
        if !report.isFinished, let pace = report.imagesPerSecond, pace > 0 {
            parts.append(String(format: "%.1f images/s", pace))
            if let left = report.secondsLeft { parts.append("\(Int(left.rounded(.up))) s left") }
        }
        parts.append(MicroDollars(rawValue: report.imageMicrodollars + report.wasteMicrodollars).description)
        return parts.joined(separator: "  ")
    }
}
