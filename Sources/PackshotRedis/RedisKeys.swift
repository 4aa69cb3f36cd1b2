internal import PackshotJobs

/// The names of packshot's keys in Redis.
///
/// | key | type | holds |
/// |---|---|---|
/// | `{prefix}:queue:{model}:{priority}` | stream | entries next in turn and pending ones, field `j` = job id; group `workers` |
/// | `{prefix}:waiting:{model}:{priority}` | zset | runs of jobs behind them, member `{run}` or `{run}/{weight}`, score = the first one's turn |
/// | `{prefix}:shares:{model}:{priority}` | hash | the last turn of each share; of the lane itself under an empty name |
/// | `{prefix}:delayed:{model}` | zset | delayed entries, member `{priority}:{run}:{weight}:{share}`, score = due, in ms of Unix time |
/// | `{prefix}:models` | set | the models that ever had a delayed entry |
/// | `{prefix}:turn:{model}` | integer | successful claims, for the aging rule |
/// | `{prefix}:lead:{model}` | string | the worker that does the fleet's chores, with a TTL |
/// | `{prefix}:epoch` | string | marker of the data's present life |
/// | `{prefix}:ledger` | string | the ledger whose queue this is, a `LedgerMark` |
/// | `{prefix}:embedding:{hex key}` | string | a text embedding in an ``EmbeddingEnvelope``, with a TTL |
/// | `{prefix}:embedding-lock:{hex key}` | string | who computes it, with a TTL |
/// | `{prefix}:embedding-hits` | hash | counters by source |
///
/// A run is a job id, or the first and the last of several that follow each other with `-` between.
/// `{model}` is the first 16 characters of the model's fingerprint.
struct RedisKeys: Sendable {
    let prefix: String

    /// The consumer group of every lane's stream.
    static let group = "workers"
    /// The one field of a stream entry.
    static let jobField = "j"

    var models: String { "\(prefix):models" }
    var epoch: String { "\(prefix):epoch" }
    var ledger: String { "\(prefix):ledger" }
    var embeddingHits: String { "\(prefix):embedding-hits" }

    func lane(_ lane: QueueLane) -> String { "\(prefix):queue:\(Self.short(lane.model)):\(lane.priority)" }
    func waiting(_ lane: QueueLane) -> String { "\(prefix):waiting:\(Self.short(lane.model)):\(lane.priority)" }
    func shares(_ lane: QueueLane) -> String { "\(prefix):shares:\(Self.short(lane.model)):\(lane.priority)" }
    /// What a claim looks at: lanes, what waits behind them, their shares, the counter of claims.
    func claimed(_ lanes: [QueueLane], of model: ModelFingerprint) -> [String] {
        lanes.map(lane) + lanes.map(waiting) + lanes.map(shares) + [turn(model)]
    }
    func delayed(_ model: ModelFingerprint) -> String { "\(prefix):delayed:\(Self.short(model))" }
    func turn(_ model: ModelFingerprint) -> String { "\(prefix):turn:\(Self.short(model))" }
    func lead(_ model: ModelFingerprint) -> String { "\(prefix):lead:\(Self.short(model))" }
    func embedding(_ hex: String) -> String { "\(prefix):embedding:\(hex)" }
    func embeddingLock(_ hex: String) -> String { "\(prefix):embedding-lock:\(hex)" }

    /// A model's part of the key names.
    static func short(_ model: ModelFingerprint) -> String { String(model.rawValue.prefix(16)) }
}
