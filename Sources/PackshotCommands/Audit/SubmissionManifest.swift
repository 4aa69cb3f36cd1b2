internal import Digests
internal import Foundation
internal import Glibc
internal import PackshotJobs
internal import PackshotPostgres

/// What a producer was told is accepted, kept apart from the ledger: one JSON object a line, each an image.
///
/// The lines are collected while the batch is written and get their name only once it is durable, so that what the file says
/// was accepted.
final class SubmissionManifest {
    struct Line: Codable {
        /// Identity of the job, 64 hexadecimal digits.
        let key: String
        let sku: String
        let shot: String
        let variant: Int
        let path: String
        /// The batch it is in, and how the ledger had it at submission, or `missing` when it was made and its file was not there;
        /// nil in manifests of earlier versions.
        let batch: String?
        let state: String?
    }

    private let target: OutputFile
    private let draft: Int32
    private let path: String
    private let encoder = JSONEncoder()
    private var waiting: [UInt8] = []

    private static let piece = 1 << 16

    /// - Throws: ``CommandError`` when the file cannot be written.
    init(path: String) throws {
        self.path = path
        target = try OutputFile(path)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A draft without a name is gone with the process, however that ends.
        var name = Array("\(target.draftFolder)/.packshot-manifest-XXXXXX".utf8CString)
        draft = mkstemp(&name)
        guard draft >= 0 else {
            throw CommandError(
                .invalidInput, "--manifest \(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        unlink(&name)
        _ = fcntl(draft, F_SETFD, FD_CLOEXEC)
    }

    deinit { if draft >= 0 { close(draft) } }

    /// Adds a job that is new to the ledger.
    func add(_ job: PlannedJob, of batch: NewBatch) throws {
        try add(
            job, of: batch, path: "\(batch.outputRoot)/\(job.relativePath)", in: batch.name,
            state: (job.scheduledAt == nil ? JobState.available : .scheduled).rawValue)
    }

    /// Adds a job as the ledger has it, perhaps in another batch and so at another path.
    func add(
        _ job: PlannedJob, of batch: NewBatch, _ standing: LedgerReports.JobStanding, isMissing: Bool
    ) throws {
        try add(
            job, of: batch, path: standing.path, in: standing.batchName,
            state: isMissing ? "missing" : standing.state.rawValue)
    }

    /// Forgets the lines so far: some are of jobs that the ledger has elsewhere.
    func restart() throws {
        waiting = []
        guard ftruncate(draft, 0) == 0, lseek(draft, 0, SEEK_SET) == 0 else {
            throw CommandError(.failure, "--manifest \(path): \(String(cString: strerror(errno)))")
        }
    }

    private func add(
        _ job: PlannedJob, of batch: NewBatch, path: String, in name: String, state: String
    ) throws {
        let line = Line(
            key: job.uniqueKey(in: batch).hexadecimal, sku: job.product.sku, shot: job.shot, variant: job.variant,
            path: path, batch: name, state: state)
        waiting += try encoder.encode(line) + [10]
        if waiting.count >= Self.piece { try save() }
    }

    private func save() throws(CommandError) {
        var saved = 0
        while saved < waiting.count {
            let count = waiting.withUnsafeBytes { write(draft, $0.baseAddress.map { $0 + saved }, $0.count - saved) }
            if count >= 0 {
                saved += count
            } else if errno != EINTR {
                throw CommandError(.failure, "--manifest \(path): \(String(cString: strerror(errno)))")
            }
        }
        waiting = []
    }

    /// Puts the list where it was asked for.
    func accept() throws {
        do throws(CommandError) {
            try save()
            var place: off_t = 0
            try target.write { put throws(CommandError) in
                while true {
                    let piece = [UInt8](unsafeUninitializedCapacity: Self.piece) { buffer, count in
                        count = max(0, pread(draft, buffer.baseAddress, buffer.count, place))
                    }
                    if piece.isEmpty { break }
                    place += off_t(piece.count)
                    try put(piece)
                }
            }
        } catch {
            throw CommandError(.failure, "the batch is submitted, but its manifest is lost: \(error.message)")
        }
    }

    /// Reads a manifest piece by piece.
    /// - Throws: ``CommandError`` naming the line that is none.
    static func read(_ path: String, _ body: ([Line]) async throws -> Void) async throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(.notFound, "\(path) cannot be read")
        }
        let decoder = JSONDecoder()
        var piece: [Line] = []
        for (number, text) in data.split(separator: 10).enumerated() {
            guard let line = try? decoder.decode(Line.self, from: Data(text)) else {
                throw CommandError(.invalidInput, "\(path), line \(number + 1): not a line of a manifest")
            }
            piece.append(line)
            if piece.count == 1_000 {
                try await body(piece)
                piece = []
            }
        }
        if !piece.isEmpty { try await body(piece) }
    }
}
