internal import Logging
internal import PNGImage
internal import PackshotJobs

/// Takes away the files of jobs that came to nothing: cancelled as their image was written, or discarded after a worker had
/// written it and died before the ledger knew.
///
/// Nothing of the kind is there after most cancels and failures, so one looks first. A file goes only while the ledger holds its
/// job still, and only if it says itself that it was made for this job: one that was in the way before is somebody else's.
struct GivenUpFiles: Sendable {
    let ledger: any JobLedger
    let files: any ImageFiles
    /// As ``WorkerConfiguration/outputRoot``.
    let outputRoot: String?
    let logger: Logger

    /// Removes a job's file if the job is cancelled or discarded. Of one that somebody else has now the file stays: it is
    /// theirs, byte for byte. Where another machine's folder holds the file, nothing is found.
    func remove(_ job: GivenUpJob) async {
        let root = outputRoot ?? job.outputRoot
        guard isMade(for: job, in: root) else { return }
        do {
            _ = try await ledger.whileGivenUp(job.id) {
                guard isMade(for: job, in: root) else { return }
                try files.remove(job.relativePath, in: root)
            }
        } catch {
            logger.warning(
                "the file of a job that was given up stays", metadata: ["job": "\(job.id)", "error": "\(error)"])
        }
    }

    private func isMade(for job: GivenUpJob, in root: String) -> Bool {
        guard let bytes = try? files.contents(of: job.relativePath, in: root),
            let image = try? PNGDecoder.decode(bytes),
            let origin = try? ImageProvenance.inside(image)?.origin
        else { return false }
        return origin.job == job.id.rawValue && origin.batch == job.batchName
    }
}
