/// Where a text embedding came from.
package enum EmbeddingSource: String, CaseIterable, Codable, Sendable {
    /// This worker's own memory.
    case memory
    /// The fleet's shared cache.
    case redis
    /// Computed by this worker's text encoder.
    case encoder
}

/// Microseconds an attempt spent in each stage. Stages of neighbouring jobs overlap, so they need not add up to its cost.
package struct StageTimes: Hashable, Codable, Sendable {
    package var embed: Int64
    package var sample: Int64
    package var decode: Int64
    package var encode: Int64
    package var write: Int64

    package init(embed: Int64 = 0, sample: Int64 = 0, decode: Int64 = 0, encode: Int64 = 0, write: Int64 = 0) {
        self.embed = embed
        self.sample = sample
        self.decode = decode
        self.encode = encode
        self.write = write
    }
}

/// An image that is on disk under its final name.
package struct ImageRecord: Hashable, Sendable {
    package let relativePath: String
    /// Of the file's bytes, 32 bytes.
    package let sha256: [UInt8]
    package let byteCount: Int64
    package let width: Int
    package let height: Int
    /// The prompt after the model's cleaning, and its tokens before truncation.
    package let effectivePrompt: String
    package let promptTokens: Int
    /// Tokens the model was given: fewer than `promptTokens` when the prompt was cut.
    package let promptTokensUsed: Int
    /// How the prompt was cleaned; nil when the generator does not clean.
    package let textCleaning: PromptCleaning?
    /// Cleaning took letters out of the prompt.
    package let droppedLetters: Bool
    /// What was left out for speed; nil for the exact image.
    package let shortcuts: ShortcutsTaken?
    /// `packshot` version that made it.
    package let version: String

    package init(
        relativePath: String, sha256: [UInt8], byteCount: Int64, width: Int, height: Int, effectivePrompt: String,
        promptTokens: Int, promptTokensUsed: Int? = nil, textCleaning: PromptCleaning? = nil,
        droppedLetters: Bool = false, shortcuts: ShortcutsTaken? = nil, version: String
    ) {
        self.relativePath = relativePath
        self.sha256 = sha256
        self.byteCount = byteCount
        self.width = width
        self.height = height
        self.effectivePrompt = effectivePrompt
        self.promptTokens = promptTokens
        self.promptTokensUsed = promptTokensUsed ?? promptTokens
        self.textCleaning = textCleaning
        self.droppedLetters = droppedLetters
        self.shortcuts = shortcuts
        self.version = version
    }
}

/// Why an attempt failed: a code to group by, and a sentence for people (no secrets).
package struct AttemptFailure: Hashable, Codable, Sendable {
    /// Short and stable, such as `disk_full` or `bad_prompt`.
    package let code: String
    package let message: String
    /// True when another try cannot help.
    package let isPermanent: Bool

    package init(code: String, message: String, isPermanent: Bool) {
        self.code = code
        self.message = message
        self.isPermanent = isPermanent
    }
}

/// The end of an attempt, as its worker reports it.
package struct Settlement: Hashable, Sendable {
    /// How the attempt ended.
    package enum Outcome: Hashable, Sendable {
        /// The image is durable on disk.
        case completed(ImageRecord)
        /// It failed; if tries are left, the next comes after `retryAfter`.
        case failed(AttemptFailure, retryAfter: Duration)
        /// Given back unharmed; the attempt is not counted.
        case handedBack(reason: String)
        /// Stopped because it would cost more than is set aside for it, and its batch's budget has no more to give. The attempt is
        /// not counted, and whoever tries again sets more aside.
        case overBudget
        /// Stopped because a person cancelled the job.
        case cancelled
    }

    /// What an attempt that ended ``Outcome/overBudget`` has on record.
    package static let overBudgetCode = "over_budget"
    package static let overBudgetMessage = "stopped and given back: it would cost more than its budget can set aside"

    package let job: JobID
    package let attempt: AttemptID
    package let worker: WorkerID
    package let outcome: Outcome
    /// The stretch of the worker's time line this attempt is charged with, in microseconds since the worker registered.
    /// The stretches of a worker's attempts never overlap.
    package let busyFrom: Int64
    package let busyTo: Int64
    package let stages: StageTimes
    /// Where the prompt's embedding and, with guidance, the negative prompt's came from.
    package let embeddingSources: [EmbeddingSource]

    package init(
        job: JobID, attempt: AttemptID, worker: WorkerID, outcome: Outcome, busyFrom: Int64, busyTo: Int64,
        stages: StageTimes, embeddingSources: [EmbeddingSource]
    ) {
        self.job = job
        self.attempt = attempt
        self.worker = worker
        self.outcome = outcome
        self.busyFrom = busyFrom
        self.busyTo = busyTo
        self.stages = stages
        self.embeddingSources = embeddingSources
    }
}

/// What the ledger said to a ``Settlement``.
package enum SettlementVerdict: Hashable, Sendable {
    /// It counts; the job is in this state now. `.retryable` comes with the moment of its next try.
    case accepted(JobState)
    /// The attempt was no longer the job's latest (or the job no longer running). Nothing changed but the record of the
    /// time spent, as waste.
    case stale
}
