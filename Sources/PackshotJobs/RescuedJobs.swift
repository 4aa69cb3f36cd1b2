/// Jobs that were taken away from workers whose lease had run out.
package struct RescuedJobs: Sendable {
    /// Those that are available again, to be dispatched.
    package let available: [DispatchEntry]
    /// Those that had no attempts left.
    package let discarded: [GivenUpJob]

    package init(available: [DispatchEntry], discarded: [GivenUpJob]) {
        self.available = available
        self.discarded = discarded
    }
}

/// What an image of a job is made of, as its file says it, too.
package struct ImageSource: Hashable, Sendable {
    package let batchName: String
    package let prompt: String
    package let seed: UInt64
    package let model: ModelFingerprint

    package init(batchName: String, prompt: String, seed: UInt64, model: ModelFingerprint) {
        self.batchName = batchName
        self.prompt = prompt
        self.seed = seed
        self.model = model
    }

    package init(_ job: ClaimedJob) {
        self.init(batchName: job.batchName, prompt: job.spec.prompt, seed: job.spec.seed, model: job.model)
    }
}

/// A job that is not to be made any more, and where its image would be.
package struct GivenUpJob: Hashable, Sendable {
    package let id: JobID
    package let batchName: String
    /// Absolute folder, and the image's place below it.
    package let outputRoot: String
    package let relativePath: String

    package init(id: JobID, batchName: String, outputRoot: String, relativePath: String) {
        self.id = id
        self.batchName = batchName
        self.outputRoot = outputRoot
        self.relativePath = relativePath
    }

    package init(_ job: ClaimedJob) {
        self.init(id: job.id, batchName: job.batchName, outputRoot: job.outputRoot, relativePath: job.relativePath)
    }
}
