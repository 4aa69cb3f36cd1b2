internal import Digests
internal import Foundation
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
    }

    private let path: String
    private let file: FileHandle
    private let encoder = JSONEncoder()

    private var temporary: String { "\(path).tmp" }

    /// - Throws: ``CommandError`` when the file cannot be written.
    init(path: String) throws {
        self.path = path
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard FileManager.default.createFile(atPath: "\(path).tmp", contents: nil),
            let file = FileHandle(forWritingAtPath: "\(path).tmp")
        else { throw CommandError(.invalidInput, "--manifest \(path) cannot be written") }
        self.file = file
    }

    func add(_ job: PlannedJob, of batch: NewBatch) throws {
        let key = job.uniqueKey(in: batch)
        let line = Line(
            key: key.hexadecimal, sku: job.product.sku, shot: job.shot,
            variant: job.variant, path: "\(batch.outputRoot)/\(job.relativePath)")
        try file.write(contentsOf: encoder.encode(line) + Data([10]))
    }

    /// Gives the file its name.
    func accept() throws {
        try file.synchronize()
        try file.close()
        guard rename(temporary, path) == 0 else {
            throw CommandError(.failure, "the batch is submitted, but \(path) cannot be written")
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
