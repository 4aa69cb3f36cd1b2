internal import Foundation
internal import PNGImage
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotWorker

/// Compares files with their rows: the bytes, what is written inside, and what else lies around.
struct ImageFilesAudit {
    /// Files checked.
    private(set) var checked = 0
    private var findings: [String: (count: Int, examples: [String])] = [:]
    private var known: [String: Set<String>] = [:]

    /// What is wrong, by rule.
    var breaches: [LedgerAudit.Breach] {
        findings.sorted { $0.key < $1.key }.map { key, value in
            LedgerAudit.Breach(
                invariant: String(key.prefix(2)), rule: String(key.dropFirst(3)), examples: value.examples,
                count: value.count)
        }
    }

    /// Checks the file of one row.
    mutating func check(_ image: LedgerAudit.Image) {
        checked += 1
        // Where its worker wrote it; a folder may have another path on the worker's machine than here.
        let places = [image.workerRoot, image.root].compactMap(\.self).map { "\($0)/\(image.path)" }
        let path = places.first { FileManager.default.fileExists(atPath: $0) } ?? places[places.count - 1]
        let folder = (path as NSString).deletingLastPathComponent
        known[folder, default: []].insert((path as NSString).lastPathComponent)
        guard let data = FileManager.default.contents(atPath: path) else {
            note("I1 every image's file is there, or made again by packshot retry BATCH --where state=completed", path)
            return
        }
        let bytes = Array(data)
        guard ImageFileStore.sha256(bytes) == image.sha256 else {
            note("I1 every file has the bytes its row says", path)
            return
        }
        guard let decoded = try? PNGDecoder.decode(bytes) else {
            note("I1 every file decodes, its checksums are right", path)
            return
        }
        guard let inside = try? ImageProvenance.inside(decoded), inside.spec.prompt == image.prompt,
            inside.spec.seed == image.seed,
            inside.effectivePrompt == image.effectivePrompt, inside.modelFingerprint == image.modelFingerprint,
            inside.origin?.job == image.job
        else {
            note("I1 every file says inside what its row says", path)
            return
        }
    }

    /// Looks for files nobody knows, and for temporary ones left behind, below the folders of all batches.
    mutating func look(below folders: [String]) {
        for folder in folders {
            guard let walk = FileManager.default.enumerator(atPath: folder) else { continue }
            while let name = walk.nextObject() as? String {
                let path = "\(folder)/\(name)"
                guard walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
                let parent = (path as NSString).deletingLastPathComponent
                if known[parent]?.contains((path as NSString).lastPathComponent) == true { continue }
                let changed = walk.fileAttributes?[.modificationDate] as? Date ?? .distantPast
                if name.hasSuffix(".tmp") {
                    // Younger ones may be being written.
                    if changed.timeIntervalSinceNow < -60 { note("I2 no temporary file is left behind", path) }
                } else {
                    note("I2 every file belongs to an image", path)
                }
            }
        }
    }

    private mutating func note(_ rule: String, _ path: String) {
        findings[rule, default: (0, [])].count += 1
        if findings[rule, default: (0, [])].examples.count < 10 { findings[rule]?.examples.append(path) }
    }
}
