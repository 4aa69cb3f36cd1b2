package import ArgumentParser
internal import Foundation
internal import Glibc
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// `packshot ledger move OLD NEW`: an output folder is elsewhere now.
package struct MoveLedgerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Tell the ledger that an output folder was moved, or copied for a renamed ledger.",
        discussion: """
            Move the files first. Every image must be there in its size, and the bytes of some are compared; the folder must carry \
            this ledger's mark (.packshot/ledger), that of the ledger it is a renamed copy of, or none.
            """)

    @Argument(help: "The folder as the ledger knows it; folders inside it move along.")
    package var old: String

    @Argument(help: "Where it is now.")
    package var new: String

    @Flag(help: "Do not look for the images: they are gone, or not to be seen from here.")
    package var unchecked = false

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    /// Images whose bytes are compared; of the others the size is.
    private static let sample = 100

    package func run() async throws {
        let stores = try Stores()
        let (ledger, _) = try await stores.ledger()
        let old = URL(fileURLWithPath: old).standardizedFileURL.path
        let new = try await OutputFolder.name(of: new, in: ledger)
        guard old != new else { throw CommandError(.invalidInput, "\(old) is where it was") }
        let takesOver = try await takesOver(new, from: old, ledger.identity())
        if !unchecked { try await check(old, new, ledger) }
        let moved = try await ledger.move(old, to: new)
        if takesOver { try LedgerFolder(try await ledger.identity().mark).take(new) }
        if json {
            try Talk.json(moved)
        } else {
            Talk.result(
                "\(old) is \(new) now: \(moved.batches) batches with \(moved.jobs) jobs")
        }
    }

    /// Whether the new folder is to be marked anew: it is nobody's, or a copy made for a renamed ledger.
    /// - Throws: ``CommandError`` if it is not there, or another ledger's.
    private func takesOver(_ new: String, from old: String, _ identity: LedgerIdentity) throws -> Bool {
        let folders = LedgerFolder(identity.mark)
        do {
            guard let standing = try folders.standing(of: new) else {
                throw CommandError(.notFound, "there is no folder \(new): move the files first")
            }
            switch standing {
            case .own: return false
            case .unmarked: return true
            case .foreign(let other) where other.ledger == identity.former && !Self.isOneFolder(old, new): return true
            case .foreign, .otherSystem, .unreadable:
                throw CommandError(.invalidInput, folders.refusal(standing, new)?.message ?? "\(new) is refused")
            }
        } catch let error as ImageFileStore.Failure {
            throw CommandError(.invalidInput, error.message)
        }
    }

    private static func isOneFolder(_ a: String, _ b: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev
            && first.st_ino == second.st_ino
    }

    /// - Throws: ``CommandError`` naming images that are not below the new folder as their rows say.
    private func check(_ old: String, _ new: String, _ ledger: PostgresLedger) async throws {
        var last: Int64 = 0
        var (count, compared) = (0, 0)
        var wrong: [String] = []
        var wrongCount = 0
        while true {
            let page = try await ledger.images(below: old, after: last, limit: 5_000)
            guard let end = page.last else { break }
            last = end.job
            for image in page {
                let path = "\(new)\(image.folder.dropFirst(old.count))/\(image.path)"
                count += 1
                var status = stat()
                var isThere = stat(path, &status) == 0 && Int64(status.st_size) == image.size
                if isThere, compared < Self.sample {
                    compared += 1
                    isThere =
                        FileManager.default.contents(atPath: path).map { ImageFileStore.sha256(Array($0)) }
                        == image.sha256
                }
                guard !isThere else { continue }
                wrongCount += 1
                if wrong.count < 5 { wrong.append(path) }
            }
        }
        guard wrongCount == 0 else {
            throw CommandError(
                .notFound,
                "\(wrongCount) of \(count) images are not in \(new) as they were made, such as\n"
                    + wrong.map { "  \($0)" }.joined(separator: "\n")
                    + "\nNothing was changed. Move the files, or say --unchecked and make what is missing again with \"packshot retry\""
            )
        }
    }
}
