import Digests
import PNGImage
import PackshotJobs
import PackshotWorker

/// The output folder: names and contents, and which of them would survive a power cut.
final class OutputFolder: @unchecked Sendable {
    struct File {
        let content: [UInt8]
        let sha256: [UInt8]
        /// All its bytes are there.
        var isWhole: Bool
        /// Its name is on the disk.
        var isDurable: Bool
    }

    enum Placing { case placed, adopted, refused }

    private(set) var files: [String: File] = [:]
    private(set) var temporaries: Set<Int> = []
    private var nextTemporary = 0

    func makeTemporary() -> Int {
        nextTemporary += 1
        temporaries.insert(nextTemporary)
        return nextTemporary
    }

    func removeTemporary(_ temporary: Int) { temporaries.remove(temporary) }

    func place(_ content: [UInt8], at path: String, isWhole: Bool = true) -> Placing {
        guard let there = files[path] else {
            files[path] = File(
                content: content, sha256: SHA256Digest.hash(content), isWhole: isWhole, isDurable: false)
            return .placed
        }
        return there.content == content && there.isWhole ? .adopted : .refused
    }

    /// Another file in the place of one that is there.
    func replace(_ content: [UInt8], at path: String) {
        files[path] = File(content: content, sha256: SHA256Digest.hash(content), isWhole: true, isDurable: true)
    }

    /// Puts back what was there before.
    func restore(_ file: File?, at path: String) { files[path] = file }

    /// What a reader sees.
    func contents(of path: String) -> [UInt8]? {
        files[path].map { $0.isWhole ? $0.content : Array($0.content.prefix($0.content.count / 2)) }
    }

    /// For sabotage: finishes a file that was begun under its final name.
    func complete(_ path: String) { files[path]?.isWhole = true }

    func remove(_ path: String) { files[path] = nil }

    func sync() {
        for path in files.keys { files[path]?.isDurable = true }
    }

    /// The power is cut: names that were not synced are gone.
    func cutPower() {
        files = files.filter(\.value.isDurable)
    }

    func holds(_ image: ImageRecord, of job: JobID) throws {
        let path = image.relativePath
        guard let file = files[path] else { throw Disagreement("job \(job) is completed and \(path) is not there") }
        try expect(file.isDurable, "job \(job) is completed and \(path) would not survive a power cut")
        try expect(file.sha256 == image.sha256, "job \(job) is completed and \(path) shows something else")
    }

    /// No reader ever sees half a file, and each says for which job it was made.
    func check(_ path: String, isOf job: JobID) throws {
        guard let file = files[path] else { return }
        try expect(file.isWhole, "\(path) is half a file")
        let origin = try ImageProvenance.inside(PNGDecoder.decode(file.content))?.origin
        try expect(origin?.job == job.rawValue, "\(path) says that it is of job \(origin?.job ?? 0), not of \(job)")
    }
}

/// The output folder as one process sees it, after `ImageFileStore`: temporary name, contents, fsync, link without replacing,
/// unlink, fsync of the folder.
struct FolderClient: ImageFiles {
    let world: World
    let process: SimulatedProcess

    func save(_ bytes: [UInt8], as path: String, in root: String) async throws {
        switch world.sabotage?.files {
        case .saysTooEarly:
            world.spawn { do { try await write(bytes, as: path) } catch is ImageFileStore.Failure {} }
        case .writesUnderTheFinalName:
            _ = world.folder.place(bytes, at: path, isWhole: false)
            try await world.step(process, "wrote half a file", path)
            world.folder.complete(path)
            world.folder.sync()
        default:
            try await write(bytes, as: path)
        }
    }

    private func write(_ bytes: [UInt8], as path: String) async throws {
        let folder = world.folder
        try await world.step(process, "encoded an image", path)
        let temporary = folder.makeTemporary()
        try await world.step(process, "wrote a temporary file", path)
        if world.has(.disk), world.random.once(in: 6) {
            let isFull = world.random.once(in: 2)
            world.counts[isFull ? "disk full" : "disk fault"] += 1
            folder.removeTemporary(temporary)
            throw ImageFileStore.Failure(code: isFull ? .diskFull : .ioError, message: "the disk", isPermanent: false)
        }
        try await world.step(process, "synced it")
        let placing = folder.place(bytes, at: path)
        try await world.step(process, "named it", path)
        folder.removeTemporary(temporary)
        switch placing {
        case .placed: break
        case .adopted: world.counts["file adopted"] += 1
        case .refused:
            throw ImageFileStore.Failure(
                code: .differentFileExists, message: "\(path) is there", isPermanent: true)
        }
        if world.sabotage?.files == .skipsTheFolderSync { return }
        try await world.step(process, "unlinked the temporary file")
        folder.sync()
        try await world.step(process, "synced the folder")
    }

    func replace(
        _ bytes: [UInt8], at path: String, in root: String,
        deciding: (_ rename: @escaping @Sendable () throws -> Void) async throws -> Bool
    ) async throws -> Bool {
        let (folder, process) = (world.folder, process)
        let temporary = folder.makeTemporary()
        defer { folder.removeTemporary(temporary) }
        try await world.step(process, "wrote and synced a temporary file", path)
        let before = folder.files[path]
        do {
            return try await deciding {
                guard process.isAlive else { throw Ended() }
                folder.replace(bytes, at: path)
            }
        } catch {
            if process.isAlive { folder.restore(before, at: path) }
            throw error
        }
    }

    func contents(of path: String, in root: String) throws -> [UInt8]? {
        guard process.isAlive else { throw Ended() }
        return world.folder.contents(of: path)
    }

    func remove(_ path: String, in root: String) throws {
        guard process.isAlive else { throw Ended() }
        world.counts["file of a job given up removed"] += world.folder.files[path] == nil ? 0 : 1
        world.note(process.name, "removes \(path)")
        world.folder.remove(path)
    }

    func probe(_ root: String, byteCount: Int) async throws {
        if world.has(.disk), world.random.once(in: 2) {
            throw ImageFileStore.Failure(code: .diskFull, message: "the disk", isPermanent: false)
        }
    }
}
