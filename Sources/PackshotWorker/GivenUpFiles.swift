internal import Logging
internal import PackshotJobs

/// Takes away the files of jobs that came to nothing: cancelled as their image was written, or discarded after a worker had
/// written it and died before the ledger knew.
///
/// Nothing of the kind is there after most cancels and failures, so one looks first. A file goes only while the ledger holds its
/// job still, only from a folder that is the ledger's, and only if it says itself that it was made for this job of this ledger,
/// from what the job is made of: everything else is somebody else's.
struct GivenUpFiles: Sendable {
    let ledger: any JobLedger
    /// As ``WorkerConfiguration/ledger``.
    let ledgerID: LedgerID?
    let files: any ImageFiles
    /// As ``WorkerConfiguration/outputRoot``.
    let outputRoot: String?
    let logger: Logger

    /// Removes a job's file if the job is cancelled or discarded. Where another machine's folder holds the file, nothing is
    /// found.
    func remove(_ job: GivenUpJob) async {
        let root = outputRoot ?? job.outputRoot
        guard let origin = provenance(of: job, in: root)?.origin, origin.ledger == ledgerID,
            origin.job == job.id.rawValue
        else { return }
        do {
            _ = try await ledger.whileGivenUp(job.id) { source in
                guard let inside = provenance(of: job, in: root), inside.isMade(for: job.id, of: ledgerID, from: source)
                else { return }
                try files.remove(job.relativePath, in: root)
            }
        } catch {
            logger.warning(
                "the file of a job that was given up stays", metadata: ["job": "\(job.id)", "error": "\(error)"])
        }
    }

    private func provenance(of job: GivenUpJob, in root: String) -> ImageProvenance? {
        (try? files.contents(of: job.relativePath, in: root)).flatMap(ImageProvenance.of)
    }
}
