internal import Foundation
internal import PRX

/// What `generate --profile` prints.
enum ProfileTable {
    /// A line an operator: seconds, share of the total, runs, and GFLOP/s or GB/s where they are known; then what is left over.
    static func lines(_ entries: [OperatorProfile.Entry], total: Double) -> [String] {
        var lines = [row("stage", "operator", "seconds", "share", "runs", "rate")]
        for entry in entries {
            let rate =
                entry.operations > 0
                ? String(format: "%.1f GFLOP/s", entry.operations / entry.seconds / 1e9)
                : entry.bytes > 0 ? String(format: "%.1f GB/s", entry.bytes / entry.seconds / 1e9) : ""
            lines.append(
                row(
                    entry.stage, entry.name, String(format: "%.3f", entry.seconds), share(entry.seconds, total),
                    String(entry.runs), rate))
        }
        let rest = total - entries.reduce(0) { $0 + $1.seconds }
        lines.append(row("", "all else", String(format: "%.3f", rest), share(rest, total), "", ""))
        lines.append(row("", "in all", String(format: "%.3f", total), share(total, total), "", ""))
        return lines
    }

    private static func share(_ seconds: Double, _ total: Double) -> String {
        total > 0 ? String(format: "%.1f %%", 100 * seconds / total) : ""
    }

    private static func row(
        _ stage: String, _ name: String, _ seconds: String, _ share: String, _ runs: String, _ rate: String
    ) -> String {
        let left = { (text: String, width: Int) in text.padding(toLength: width, withPad: " ", startingAt: 0) }
        let right = { (text: String, width: Int) in String(repeating: " ", count: max(0, width - text.count)) + text }
        return left(stage, 9) + left(name, 26) + right(seconds, 9) + right(share, 9) + right(runs, 7) + "  "
            + right(rate, 14)
    }
}
