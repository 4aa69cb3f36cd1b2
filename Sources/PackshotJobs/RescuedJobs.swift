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
