internal import Foundation
internal import PackshotJobs
internal import PackshotPostgres

/// A batch as a few lines for people.
struct BatchTable {
    let report: LedgerReports.BatchReport

    /// States that are not empty, times by stage, where embeddings came from, money, and reasons of failures.
    var text: String {
        var rows: [(String, String)] = [
            ("batch", "\(report.name) (number \(report.id), submitted \(report.createdAt))")
        ]
        rows.append(("images", "\(report.images) of \(report.total) in \(report.outputRoot)/\(report.name)"))
        let states = JobState.allCases.compactMap { state -> String? in
            guard let count = report.jobs[state.rawValue], count > 0 else { return nil }
            return "\(count) \(state.rawValue)"
        }
        rows.append(("jobs", states.isEmpty ? "none" : states.joined(separator: ", ")))
        if let reason = report.pauseReason {
            let advice =
                reason == "budget"
                ? "the budget is used up\(needed): packshot resume \(report.name) --max-cost USD"
                : "packshot resume \(report.name) goes on"
            rows.append(("paused", advice))
        }
        if let budget = report.budgetMicrodollars {
            var parts = [MicroDollars(rawValue: budget).description]
            if report.reservedMicrodollars > 0 {
                parts.append("\(MicroDollars(rawValue: report.reservedMicrodollars)) set aside for images being made")
            }
            if let over = report.overMicrodollars, over > 0 {
                parts.append("exceeded by \(MicroDollars(rawValue: over))")
            }
            rows.append(("budget", parts.joined(separator: ", ")))
        }
        if let hint = BatchProgress.hint(report) { rows.append(("waits", hint)) }
        if report.cutPrompts > 0 {
            rows.append(("prompts that were cut", "\(report.cutPrompts): longer than the model reads"))
        }
        if report.lostAttempts > 0 { rows.append(("attempts without image", "\(report.lostAttempts)")) }
        let stages = ["embed", "sample", "decode", "encode", "write"].compactMap { stage in
            report.secondsByStage[stage].map { "\(stage) " + String(format: "%.3f", $0) }
        }
        if !stages.isEmpty { rows.append(("seconds an image", stages.joined(separator: ", "))) }
        if let seconds = report.secondsPerImage {
            rows.append(("worker seconds an image", String(format: "%.3f", seconds)))
        }
        let embeddings = EmbeddingSource.allCases.map { "\(report.embeddings[$0.rawValue] ?? 0) \($0.rawValue)" }
        rows.append(("embeddings from", embeddings.joined(separator: ", ")))
        let images = max(1, report.images)
        let each = MicroDollars(rawValue: (report.imageMicrodollars + Int64(images) / 2) / Int64(images))
        rows.append(("cost of images", "\(MicroDollars(rawValue: report.imageMicrodollars)), \(each) each"))
        rows.append(("cost of waste", MicroDollars(rawValue: report.wasteMicrodollars).description))
        for failure in report.failures {
            rows.append(("failed", "\(failure.attempts) x \(failure.reason): \(failure.message.prefix(200))"))
        }
        return Columns.text(rows)
    }

    private var needed: String {
        report.neededMicrodollars.map { ", the next image has to set \(MicroDollars(rawValue: $0)) aside" } ?? ""
    }
}
