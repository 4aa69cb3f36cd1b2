import PackshotJobs

/// The output folder: names and contents, and which of them would survive a power cut.
///
/// After `Sources/PackshotWorker/ImageFileStore.swift`: temporary name, contents, fsync, link without replacing, unlink,
/// fsync of the folder.
final class OutputFolder {
    struct File {
        let content: UInt64
        /// All its bytes are there.
        var isWhole: Bool
        /// Its name is on the disk.
        var isDurable: Bool
    }

    enum Placing { case placed, adopted, refused }

    private(set) var files: [String: File] = [:]
    private(set) var temporaries: Set<Int> = []
    private var nextTemporary = 0

    /// The bytes every worker makes of a job.
    static func content(of job: JobID) -> UInt64 { UInt64(job.rawValue) &* 0x9E37_79B9_7F4A_7C15 }

    func makeTemporary() -> Int {
        nextTemporary += 1
        temporaries.insert(nextTemporary)
        return nextTemporary
    }

    func remove(_ temporary: Int) { temporaries.remove(temporary) }

    func place(_ content: UInt64, at path: String, isWhole: Bool = true) -> Placing {
        guard let there = files[path] else {
            files[path] = File(content: content, isWhole: isWhole, isDurable: false)
            return .placed
        }
        return there.content == content && there.isWhole ? .adopted : .refused
    }

    /// For sabotage: finishes a file that was begun under its final name.
    func complete(_ path: String) { files[path]?.isWhole = true }

    func sync() {
        for path in files.keys { files[path]?.isDurable = true }
    }

    /// The power is cut: names that were not synced are gone.
    func cutPower() {
        files = files.filter(\.value.isDurable)
    }

    func hasImage(of job: JobID, at path: String) throws {
        guard let file = files[path] else { throw Disagreement("job \(job) is completed and \(path) is not there") }
        try expect(file.isDurable, "job \(job) is completed and \(path) would not survive a power cut")
        try expect(file.content == Self.content(of: job), "job \(job) is completed and \(path) shows something else")
    }

    /// No reader ever sees half a file.
    func checkWhole() throws {
        for (path, file) in files { try expect(file.isWhole, "\(path) is half a file") }
    }
}
