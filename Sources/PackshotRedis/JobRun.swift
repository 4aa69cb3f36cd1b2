internal import PackshotJobs

/// Jobs whose numbers follow each other, as the queue writes them: `17` or `17-4200`. A catalog of a million images is a few of
/// these, however many they are.
struct JobRun: Sendable {
    let first: Int64
    let last: Int64

    init(first: Int64, last: Int64) {
        self.first = first
        self.last = last
    }

    /// The largest number that Lua counts with exactly; jobs beyond are written one by one.
    private static let largest: Int64 = 1 << 53

    /// The runs of an entry.
    static func runs(of entry: DispatchEntry) -> [JobRun] {
        if entry.last.rawValue <= largest { return [JobRun(first: entry.job.rawValue, last: entry.last.rawValue)] }
        return entry.jobs.map { JobRun(first: $0.rawValue, last: $0.rawValue) }
    }

    /// This run and the next as one, if the next goes on where this one ends.
    func joined(with next: JobRun) -> JobRun? {
        next.last <= Self.largest && last + 1 == next.first ? JobRun(first: first, last: next.last) : nil
    }

    /// Reads what ``text`` wrote; nil for anything else.
    init?(_ text: Substring) {
        let numbers = text.split(separator: "-", maxSplits: 1)
        guard let first = numbers.first.flatMap({ Int64($0) }), let last = numbers.last.flatMap({ Int64($0) }),
            first <= last
        else { return nil }
        self.first = first
        self.last = last
    }

    /// The run in a member of a lane's zset, `{run}` or `{run}/{weight}`.
    init?(waiting member: String) {
        self.init(member.prefix { $0 != "/" })
    }

    /// The run in a member of a model's zset of delayed jobs, `{priority}:{run}:{weight}:{share}`.
    init?(delayed member: String) {
        guard let priority = member.firstIndex(of: ":") else { return nil }
        self.init(member[member.index(after: priority)...].prefix { $0 != ":" })
    }

    var text: String { first == last ? String(first) : "\(first)-\(last)" }
    var count: Int { Int(last - first) + 1 }
    var jobs: some RandomAccessCollection<JobID> { (first...last).lazy.map(JobID.init(rawValue:)) }
}
