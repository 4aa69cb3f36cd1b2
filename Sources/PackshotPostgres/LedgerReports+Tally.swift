internal import PackshotJobs

extension LedgerReports {
    /// What `batch_tallies` says of a batch: sums the ledger keeps as it changes, so that a batch of millions is read at once.
    struct Tally {
        /// Jobs by state; every state is there.
        let jobs: [String: Int]
        let images: Int
        let lostAttempts: Int
        let imageMicrodollars: Int64
        let wasteMicrodollars: Int64
        /// Mean seconds of an image by stage; empty before the first.
        let secondsByStage: [String: Double]
        let secondsPerImage: Double?
        /// Lookups by source; only those there were.
        let embeddings: [String: Int]
    }

    private static let states = JobState.allCases.map(\.rawValue)
    private static let stages = ["embed", "sample", "decode", "encode", "write"]
    private static let sources = ["memory", "redis", "encoder"]

    static func tally(of batch: BatchID, _ session: PostgresSession) throws -> Tally {
        let columns =
            states + ["images", "lost_attempts", "image_microusd", "waste_microusd", "busy_us"]
            + stages.map { "\($0)_us" }
            + sources.map { "from_\($0)" }
        let row = try session.query(
            "SELECT \(columns.map { "coalesce(sum(\($0)), 0)" }.joined(separator: ", ")) FROM batch_tallies WHERE batch_id = $1",
            [.integer(batch.rawValue)]
        ).rows[0]
        let sums = Dictionary(uniqueKeysWithValues: zip(columns, row.map { $0.flatMap { Int64($0) } ?? 0 }))
        func sum(_ column: String) -> Int64 { sums[column] ?? 0 }
        let images = sum("images")
        func mean(_ column: String) -> Double { Double(sum(column)) / Double(images) / 1e6 }
        func counts(_ names: [String], of column: (String) -> String) -> [String: Int] {
            Dictionary(uniqueKeysWithValues: names.map { ($0, Int(sum(column($0)))) })
        }
        return Tally(
            jobs: counts(states) { $0 }, images: Int(images), lostAttempts: Int(sum("lost_attempts")),
            imageMicrodollars: sum("image_microusd"), wasteMicrodollars: sum("waste_microusd"),
            secondsByStage: images == 0
                ? [:] : Dictionary(uniqueKeysWithValues: stages.map { ($0, mean("\($0)_us")) }),
            secondsPerImage: images == 0 ? nil : mean("busy_us"),
            embeddings: counts(sources) { "from_\($0)" }.filter { $0.value != 0 })
    }
}
