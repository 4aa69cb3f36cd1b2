internal import Digests
internal import Foundation
internal import PackshotCatalog
internal import PackshotJobs
internal import PackshotPostgres

/// Where the images of a submission are that the ledger had already, and whether their files are.
///
/// Found by going over the catalog once more, in pieces, and asking the ledger for each image by its identity, so that nothing of
/// ten million images need be kept.
struct KnownImages {
    /// An image the ledger has as made, whose file is not where it says.
    struct Missing: Encodable {
        let job: Int64
        let batch: String
        let sku: String
        let path: String
    }

    /// Images of one batch and state.
    struct Group: Encodable {
        let batch: String
        let id: Int64
        /// The batch's folder.
        let folder: String
        let state: String
        fileprivate(set) var count: Int
    }

    /// Where the submission's images are, new or known, by batch and state.
    private(set) var groups: [Group] = []
    /// Made, by the ledger, and not there: how many, and the first of them.
    private(set) var missingCount = 0
    private(set) var missing: [Missing] = []
    /// Made in an output folder that cannot be looked into from here: none of it is there, nor the folder it would be in.
    private(set) var unseenCount = 0
    /// Jobs of other batches that were cancelled or given up there: nobody makes them unless somebody asks.
    private(set) var givenUpCount = 0
    /// Unfinished jobs of other batches.
    private(set) var elsewhere: [JobID] = []

    /// What to tell the person who submits.
    var warnings: [String] {
        var warnings: [String] = []
        if let first = missing.first {
            warnings.append(
                "\(missingCount) images were made before and their files are not there: job \(first.job), SKU \(first.sku), \(first.path)"
                    + "\(missingCount > 1 ? ", …" : ""). If the folder was moved, packshot ledger move tells the ledger; "
                    + "packshot retry makes an image again whose file is gone"
            )
        }
        if unseenCount > 0 {
            warnings.append("\(unseenCount) images were made before in a folder that cannot be seen from here")
        }
        return warnings
    }

    private static let piece = 2_000
    private static let most = 20

    /// - Parameters:
    ///   - reader: The submission's plan from its beginning.
    ///   - visit: Called with each image, new or known, how it stands, and whether it is made and its file is not there.
    init(
        of reader: PlanReader, in batch: NewBatch, id: BatchID, reports: LedgerReports,
        visit: (PlannedJob, LedgerReports.JobStanding, _ isMissing: Bool) throws -> Void
    ) async throws {
        // Another machine's folder, of which there is no trace here, says nothing about its files.
        let above = URL(fileURLWithPath: batch.outputRoot).deletingLastPathComponent().path
        let isSeen = FileManager.default.fileExists(atPath: above)
        while let piece = try reader.nextChunk(Self.piece) {
            let keys = piece.map { $0.job.uniqueKey(in: batch).hexadecimal }
            let standings = try await reports.standings(ofKeys: keys)
            for (image, key) in zip(piece, keys) {
                guard let standing = standings[key] else { continue }
                let isAbsent = standing.state == .completed && !FileManager.default.fileExists(atPath: standing.path)
                try visit(image.job, standing, isAbsent && isSeen)
                count(standing, in: batch)
                if isAbsent { isSeen ? miss(image.job, standing) : (unseenCount += 1) }
                if standing.batch != id.rawValue {
                    if !standing.state.isFinal { elsewhere.append(JobID(rawValue: standing.job)) }
                    if standing.state == .cancelled || standing.state == .discarded { givenUpCount += 1 }
                }
            }
        }
    }

    private mutating func count(_ standing: LedgerReports.JobStanding, in batch: NewBatch) {
        let state = standing.state.rawValue
        if let index = groups.firstIndex(where: { $0.id == standing.batch && $0.state == state }) {
            groups[index].count += 1
        } else {
            groups.append(
                Group(
                    batch: standing.batchName, id: standing.batch, folder: "\(batch.outputRoot)/\(standing.batchName)",
                    state: state, count: 1))
        }
    }

    private mutating func miss(_ job: PlannedJob, _ standing: LedgerReports.JobStanding) {
        missingCount += 1
        if missing.count < Self.most {
            missing.append(
                Missing(job: standing.job, batch: standing.batchName, sku: job.product.sku, path: standing.path))
        }
    }
}
