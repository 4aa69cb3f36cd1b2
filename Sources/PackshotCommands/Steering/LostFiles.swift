internal import Foundation
internal import Glibc
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// Finds finished images whose files are gone.
///
/// A file counts as gone only where its folder is certainly there: the folder carries the ledger's mark, or others of its images. A disk
/// that is not mounted has neither.
struct LostFiles {
    let ledger: PostgresLedger
    let folders: LedgerFolder
    private(set) var kept = 0
    /// Folders that may not be there at all, with how many images each should have.
    private(set) var unseen: [String: Int] = [:]
    private var isThere: [String: Bool] = [:]
    private var last: JobID?

    init(_ ledger: PostgresLedger, _ mark: LedgerMark) {
        self.ledger = ledger
        folders = LedgerFolder(mark)
    }

    /// Jobs of the next images of a selection whose files are gone; nil when there are no more images.
    /// - Throws: ``CommandError`` for a file that cannot be looked for.
    mutating func next(_ selection: JobSelection) async throws -> [JobID]? {
        let page = try await ledger.places(of: selection, after: last, limit: 5_000)
        guard let end = page.last else { return nil }
        last = end.job
        var absent: [ImagePlace] = []
        for place in page {
            if try place.roots.contains(where: { try Self.isThere("\($0)/\(place.relativePath)") }) {
                kept += 1
                for root in place.roots where try Self.isThere("\(root)/\(place.relativePath)") {
                    isThere[root] = true
                }
            } else {
                absent.append(place)
            }
        }
        return absent.filter { place in
            let certain = place.roots.contains { isCertain($0) }
            if !certain, let root = place.roots.first { unseen[root, default: 0] += 1 }
            return certain
        }.map(\.job)
    }

    private mutating func isCertain(_ root: String) -> Bool {
        if let known = isThere[root] { return known }
        let certain = (try? folders.standing(of: root)) == .own
        isThere[root] = certain
        return certain
    }

    private static func isThere(_ path: String) throws -> Bool {
        var status = stat()
        if lstat(path, &status) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else {
            throw CommandError(.failure, "cannot look for \(path): \(String(cString: strerror(errno)))")
        }
        return false
    }
}
