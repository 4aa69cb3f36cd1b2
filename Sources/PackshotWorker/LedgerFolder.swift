internal import Foundation
internal import Glibc
package import PackshotJobs

/// Whose an output folder is: the file `.packshot/ledger` in it, which the first ledger that writes there makes.
///
/// It is made whole and exclusively, so that of two ledgers that come at the same moment one has the folder. Nothing replaces it but
/// ``take(_:)``, which a person asks for.
package struct LedgerFolder: Sendable {
    private static let folder = ".packshot"
    private static let file = "ledger"

    private let mark: LedgerMark

    package init(_ mark: LedgerMark) {
        self.mark = mark
    }

    /// How a folder stands to the ledger; nil where there is no folder.
    /// - Throws: ``ImageFileStore/Failure`` when it cannot be looked at.
    package func standing(of root: String) throws -> MarkStanding? {
        try Self.opened(root) { try standing(in: $0, root) }
    }

    /// Looks at a folder and those above it, and marks it if it is nobody's. One that is not there yet is left to who writes first;
    /// one that this process may not write to, to whoever may.
    /// - Throws: ``ImageFileStore/Failure`` `.foreignFolder` if it is another ledger's, or lies in another's.
    package func claimIfThere(_ root: String) throws {
        var above = root
        while above != "/", !above.isEmpty {
            above = (above as NSString).deletingLastPathComponent
            guard let found = try? standing(of: above) else { continue }
            if let refusal = refusal(found, above) { throw refusal }
        }
        try Self.opened(root) { folder in
            guard try standing(in: folder, root) == .unmarked else { return try require(folder, root) }
            do {
                try make(in: folder, root)
            } catch let error as ImageFileStore.Failure where error.code != .foreignFolder {
                return
            }
            try require(folder, root)
        }
    }

    /// Makes a folder the ledger's, whosever it was. It must be there.
    package func take(_ root: String) throws {
        let done: Void? = try Self.opened(root) { folder in
            let inner = try Self.inner(folder, root)
            defer { close(inner) }
            guard unlinkat(inner, Self.file, 0) == 0 || errno == ENOENT else {
                throw ImageFileStore.failure(errno, "cannot replace \(root)/.packshot/ledger")
            }
            try make(in: folder, root)
        }
        guard done != nil else {
            throw ImageFileStore.Failure(code: .ioError, message: "there is no folder \(root)")
        }
    }

    /// Lets an open output folder be written to: marks it if it is nobody's.
    /// - Throws: ``ImageFileStore/Failure`` `.foreignFolder` if it is another ledger's.
    func require(_ folder: Int32, _ root: String) throws {
        var found = try standing(in: folder, root)
        if found == .unmarked {
            try make(in: folder, root)
            found = try standing(in: folder, root)
        }
        if let refusal = refusal(found, root) { throw refusal }
    }

    /// Whether an open folder is marked as the ledger's.
    func isOwn(_ folder: Int32, _ root: String) -> Bool { (try? standing(in: folder, root)) == .own }

    /// What is wrong with a folder, and what to do; nil where the ledger may write.
    package func refusal(_ standing: MarkStanding, _ root: String) -> ImageFileStore.Failure? {
        let text: String
        switch standing {
        case .own, .unmarked: return nil
        case .otherSystem(let other):
            text =
                "the folder \(root) belongs to the same ledger on another system (\(other.home); this one lives in "
                + "\(mark.home)): one is a copy of the other. On the copy: \(LedgerAdvice.copied)"
        case .foreign(let other):
            text =
                "the folder \(root) belongs to another ledger (\(other.ledger); this one is \(mark.ledger)), whose images it "
                + "keeps: write elsewhere, or say \"packshot ledger adopt --out \(root)\" if that ledger is no more"
        case .unreadable:
            text =
                "\(root)/.packshot/ledger is no ledger's mark: if the folder is this ledger's, say \"packshot ledger adopt --out \(root)\""
        }
        return ImageFileStore.Failure(code: .foreignFolder, message: text)
    }

    private static func opened<Value>(_ root: String, _ body: (Int32) throws -> Value) throws -> Value? {
        let folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else {
            if errno == ENOENT { return nil }
            throw ImageFileStore.failure(errno, "cannot open the output folder \(root)")
        }
        defer { close(folder) }
        return try body(folder)
    }

    private func standing(in folder: Int32, _ root: String) throws -> MarkStanding {
        let place = "\(Self.folder)/\(Self.file)"
        let inner = openat(folder, Self.folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else {
            if errno == ENOENT { return .unmarked }
            if errno == ELOOP || errno == ENOTDIR { return .unreadable }
            throw ImageFileStore.failure(errno, "cannot read \(root)/\(place)")
        }
        defer { close(inner) }
        let file = openat(inner, Self.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return .unmarked }
            if errno == ELOOP { return .unreadable }
            throw ImageFileStore.failure(errno, "cannot read \(root)/\(place)")
        }
        defer { close(file) }
        // Far more than a mark takes.
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        guard count >= 0 else {
            if errno == EISDIR { return .unreadable }
            throw ImageFileStore.failure(errno, "cannot read \(root)/\(place)")
        }
        return MarkStanding(of: String(decoding: bytes.prefix(count), as: UTF8.self), to: mark)
    }

    private static func inner(_ folder: Int32, _ root: String) throws -> Int32 {
        guard mkdirat(folder, Self.folder, 0o755) == 0 || errno == EEXIST else {
            throw ImageFileStore.failure(errno, "cannot create \(root)/.packshot")
        }
        let inner = openat(folder, Self.folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { throw ImageFileStore.failure(errno, "cannot open \(root)/.packshot") }
        return inner
    }

    /// Puts the mark into a folder unless there is one already.
    private func make(in folder: Int32, _ root: String) throws {
        let inner = try Self.inner(folder, root)
        defer { close(inner) }
        let temporary = ".ledger-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        let file = openat(inner, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw ImageFileStore.failure(errno, "cannot mark the output folder \(root)") }
        defer {
            close(file)
            unlinkat(inner, temporary, 0)
        }
        // It holds no secret, and workers of other users must read it, whatever this one's umask.
        fchmod(inner, 0o755)
        fchmod(file, 0o644)
        let bytes = Array("\(mark.text)\n".utf8)
        guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0,
            linkat(inner, temporary, inner, Self.file, 0) == 0 || errno == EEXIST,
            fsync(inner) == 0, fsync(folder) == 0
        else { throw ImageFileStore.failure(errno, "cannot mark the output folder \(root)") }
    }
}

extension LedgerFolder {
    /// The one name of a folder that may be reached by several: through links, it would look like several folders with their own
    /// jobs and collide with itself.
    /// - Parameter known: Names the ledger uses already. Of those, one that leads to the same folder stays the folder's name, so
    ///   that what was submitted before is found again.
    package static func name(of root: String, known: [String]) -> String {
        let given = URL(fileURLWithPath: root).standardizedFileURL.path
        if known.contains(given) { return given }
        let resolved = self.resolved(given)
        if known.contains(resolved) { return resolved }
        return known.first { self.resolved($0) == resolved } ?? resolved
    }

    /// The path without links, as far as it is there.
    private static func resolved(_ path: String) -> String {
        var (present, rest) = (path, [String]())
        while true {
            if let real = realpath(present, nil) {
                defer { free(real) }
                let base = String(cString: real)
                return rest.isEmpty ? base : (base == "/" ? "" : base) + "/" + rest.reversed().joined(separator: "/")
            }
            guard present != "/", !present.isEmpty else { return path }
            rest.append((present as NSString).lastPathComponent)
            present = (present as NSString).deletingLastPathComponent
        }
    }

    /// Whether names that differ by case only are one name in a marked folder.
    package static func isCaseBlind(_ root: String) -> Bool {
        var status = stat()
        return stat("\(root)/.packshot/ledger", &status) == 0 && stat("\(root)/.packshot/LEDGER", &status) == 0
    }
}
