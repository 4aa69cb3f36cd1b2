internal import Digests
internal import Foundation
internal import Glibc
package import PackshotJobs
internal import Synchronization

/// Puts finished files under their final names, durably and never half.
///
/// A file is written under a temporary name in its own folder, fsynced, renamed without replacing, and the folder is
/// fsynced; only then ``write(_:to:in:)`` returns. Folders are opened one by one without following symbolic links, so no
/// path and no link planted below the output root leads out of it.
package struct ImageFileStore: ImageFiles {
    /// What went wrong with a file.
    package struct Failure: Error, CustomStringConvertible {
        /// Short and stable; it becomes the attempt's failure code.
        package enum Code: String, Sendable {
            case diskFull = "disk_full"
            case pathRefused = "path_refused"
            case differentFileExists = "different_file_exists"
            /// The output folder is another ledger's.
            case foreignFolder = "foreign_folder"
            case ioError = "io_error"
        }

        package let code: Code
        package let message: String
        /// True when the same file can never be written there: ``FaultTable`` says of which faults that is so.
        package let isPermanent: Bool
        package var description: String { message }

        package init(code: Code, message: String, isPermanent: Bool = false) {
            self.code = code
            self.message = message
            self.isPermanent = isPermanent
        }
    }

    private let owner: LedgerFolder?

    /// - Parameter ledger: Whose files these are: it writes to and removes from no folder that is another's. nil for files that
    ///   are no ledger's, such as those of `packshot generate`.
    package init(of ledger: LedgerMark? = nil) {
        owner = ledger.map(LedgerFolder.init)
    }

    /// Writes bytes to `relativePath` below `root`.
    ///
    /// If the name is taken by a file with the very same bytes (a worker died between renaming and telling the ledger),
    /// that file is adopted.
    /// - Parameters:
    ///   - root: Absolute; created if missing. It may itself be reached through links.
    ///   - replacing: Replaces a file that is there with other bytes, in one step.
    /// - Throws: ``Failure``, and then nothing of this call is left under the final name.
    package func write(
        _ bytes: [UInt8], to relativePath: String, in root: String, replacing: Bool = false
    ) throws {
        try inFolder(of: relativePath, in: root, making: true) { folder, name in
            try place(bytes, name: name, in: folder, path: relativePath, replacing: replacing)
        }
    }

    package func save(_ bytes: [UInt8], as relativePath: String, in root: String) async throws {
        try write(bytes, to: relativePath, in: root)
    }

    package func replace(
        _ bytes: [UInt8], at relativePath: String, in root: String,
        deciding: (_ rename: @escaping @Sendable () throws -> Void) async throws -> Bool
    ) async throws -> Bool {
        let (folder, name) = try openFolder(of: relativePath, in: root, making: true)
        defer { close(folder) }
        let temporary = try writeTemporary(bytes, in: folder, path: relativePath)
        let before = Self.temporaryName()
        let wasRenamed = Atomic(false)
        defer {
            unlinkat(folder, temporary, 0)
            unlinkat(folder, before, 0)
        }
        do {
            return try await deciding {
                // What was there keeps a name until the decision is certain.
                guard linkat(folder, name, folder, before, 0) == 0, renameat(folder, temporary, folder, name) == 0
                else {
                    throw Self.failure(errno, "cannot name \(relativePath)")
                }
                wasRenamed.store(true, ordering: .releasing)
                try sync(folder, "the folder of \(relativePath)")
            }
        } catch {
            if wasRenamed.load(ordering: .acquiring) { renameat(folder, before, folder, name) }
            throw error
        }
    }

    package func probe(_ root: String, byteCount: Int) throws {
        try proveDescriptors()
        try makeRoot(root)
        if let owner, let standing = try owner.standing(of: root), let refusal = owner.refusal(standing, root) {
            throw refusal
        }
        let folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.rootFailure(errno, "cannot open the output folder \(root)") }
        defer { close(folder) }
        let name = Self.temporaryName()
        let file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Self.rootFailure(errno, "cannot create a file in \(root)") }
        defer {
            close(file)
            unlinkat(folder, name, 0)
        }
        let what = "a file of \(byteCount) bytes in \(root)"
        do {
            try writeAll(Self.noise(byteCount), to: file, path: what)
            try sync(file, what)
        } catch let failure as Failure {
            throw Failure(code: failure.code, message: failure.message, isPermanent: false)
        }
    }

    /// As many files as a worker opens at once besides its connections.
    private static let descriptors = 8

    private func proveDescriptors() throws {
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        for _ in 0..<Self.descriptors {
            let descriptor = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Self.rootFailure(errno, "cannot open \(Self.descriptors) more files") }
            opened.append(descriptor)
        }
    }

    /// Bytes that no file system can make smaller.
    private static func noise(_ count: Int) -> [UInt8] {
        var state = UInt64.random(in: 1 ... .max)
        return [UInt8](unsafeUninitializedCapacity: count) { bytes, written in
            for index in 0..<count {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                bytes[index] = UInt8(truncatingIfNeeded: state)
            }
            written = count
        }
    }

    /// Takes a file away, durably. Where there is none, nothing is done, nor in a folder that is not marked as the ledger's.
    package func remove(_ relativePath: String, in root: String) throws {
        if let owner, try owner.standing(of: root) != .own { return }
        try inFolder(of: relativePath, in: root, making: false) { folder, name in
            guard unlinkat(folder, name, 0) == 0 || errno == ENOENT else {
                throw Self.failure(errno, "cannot remove \(relativePath)")
            }
            try sync(folder, "the folder of \(relativePath)")
        }
    }

    /// The bytes of a file, reached through no link; nil where there is none, or something else than a file.
    package func contents(of relativePath: String, in root: String) throws -> [UInt8]? {
        var contents: [UInt8]?
        try inFolder(of: relativePath, in: root, making: false) { folder, name in
            let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard file >= 0 else {
                if [ENOENT, ELOOP].contains(errno) { return }
                throw Self.failure(errno, "cannot open \(relativePath)")
            }
            defer { close(file) }
            contents = try read(file, path: relativePath)
        }
        return contents
    }

    /// Opens the folder a file is in, one part after the other and through no link, and gives it with the file's name.
    private func inFolder(
        of relativePath: String, in root: String, making: Bool, _ body: (_ folder: Int32, _ name: String) throws -> Void
    ) throws {
        let (folder, name) = try openFolder(of: relativePath, in: root, making: making)
        defer { close(folder) }
        try body(folder, name)
    }

    /// The caller closes the folder.
    private func openFolder(
        of relativePath: String, in root: String, making: Bool
    ) throws -> (folder: Int32, name: String) {
        let parts = relativePath.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !parts.isEmpty, !relativePath.utf8.contains(0), parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
            throw Failure(
                code: .pathRefused, message: "refused the path \(relativePath.debugDescription)", isPermanent: true)
        }
        if making { try makeRoot(root) }
        var folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.rootFailure(errno, "cannot open the output folder \(root)") }
        do {
            // Asked of the very folder that is written to: what is mounted at its path may change at any time.
            if making { try owner?.require(folder, root) }
            for part in parts.dropLast() {
                if making {
                    let made = mkdirat(folder, part, 0o777)
                    guard made == 0 || errno == EEXIST else {
                        throw Self.failure(errno, "cannot create \(relativePath)")
                    }
                    if made == 0 { try sync(folder, "the folder of \(relativePath)") }
                }
                let next = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard next >= 0 else { throw Self.failure(errno, "cannot open the folder \(part) of \(relativePath)") }
                close(folder)
                folder = next
            }
        } catch {
            close(folder)
            throw error
        }
        return (folder, parts[parts.count - 1])
    }

    /// The SHA-256 of a file's bytes, as 64 hexadecimal digits.
    package static func sha256(_ bytes: [UInt8]) -> String { SHA256Digest.hash(bytes).hexadecimal }

    private func place(
        _ bytes: [UInt8], name: String, in folder: Int32, path: String, replacing: Bool
    ) throws {
        if !replacing, try placeUnnamed(bytes, name: name, in: folder, path: path) { return }
        let temporary = try writeTemporary(bytes, in: folder, path: path)
        if replacing {
            guard renameat(folder, temporary, folder, name) == 0 else {
                let error = Self.failure(errno, "cannot name \(path)")
                unlinkat(folder, temporary, 0)
                throw error
            }
            return try sync(folder, "the folder of \(path)")
        }
        // link + unlink instead of rename: it never replaces, also where renameat2 is missing (NFS).
        let linked = linkat(folder, temporary, folder, name, 0)
        let linkError = errno
        unlinkat(folder, temporary, 0)
        if linked != 0 { try adopt(bytes, name: name, in: folder, path: path, linkError: linkError) }
        try sync(folder, "the folder of \(path)")
    }

    /// Short whatever the final name's length, and unlike any final name, which never starts with a dot.
    private static func temporaryName() -> String {
        ".packshot-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
    }

    /// Writes a durable file under a name of its own, and says which.
    private func writeTemporary(_ bytes: [UInt8], in folder: Int32, path: String) throws -> String {
        let temporary = Self.temporaryName()
        let file = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Self.failure(errno, "cannot create a file for \(path)") }
        do {
            defer { close(file) }
            try writeAll(bytes, to: file, path: path)
            try sync(file, path)
        } catch {
            unlinkat(folder, temporary, 0)
            throw error
        }
        return temporary
    }

    /// Writes a file that has no name until it is whole, so that a process that dies leaves nothing behind.
    /// - Returns: False where the file system (some of those in the network) has no such files; nothing was done then.
    private func placeUnnamed(_ bytes: [UInt8], name: String, in folder: Int32, path: String) throws -> Bool {
        // __O_TMPFILE of Linux's fcntl.h, which Swift does not import; the same on x86-64 and arm64.
        let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY
        let file = openat(folder, ".", O_WRONLY | unnamed | O_CLOEXEC, 0o666)
        guard file >= 0 else {
            if [EOPNOTSUPP, EISDIR, EINVAL, ENOENT].contains(errno) { return false }
            throw Self.failure(errno, "cannot create a file for \(path)")
        }
        defer { close(file) }
        try writeAll(bytes, to: file, path: path)
        try sync(file, path)
        if linkat(AT_FDCWD, "/proc/self/fd/\(file)", folder, name, AT_SYMLINK_FOLLOW) != 0 {
            // Without /proc the file cannot be named.
            if errno == ENOENT { return false }
            try adopt(bytes, name: name, in: folder, path: path, linkError: errno)
        }
        try sync(folder, "the folder of \(path)")
        return true
    }

    /// Takes the file that has the name already for this one, if it has the same bytes.
    private func adopt(_ bytes: [UInt8], name: String, in folder: Int32, path: String, linkError: Int32) throws {
        guard linkError == EEXIST else { throw Self.failure(linkError, "cannot name \(path)") }
        guard try hasSameBytes(bytes, name: name, in: folder, path: path) else {
            throw Failure(
                code: .differentFileExists,
                message: "\(path) exists with other content; it was left as it is: move it away, then retry the job",
                isPermanent: true)
        }
    }

    private func makeRoot(_ root: String) throws {
        guard root.hasPrefix("/") else {
            throw Failure(
                code: .pathRefused, message: "the output folder \(root.debugDescription) is not absolute",
                isPermanent: true)
        }
        var status = stat()
        if stat(root, &status) == 0 { return }
        var path = ""
        for part in root.split(separator: "/") {
            path += "/\(part)"
            guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
                throw Self.rootFailure(errno, "cannot create the output folder \(root)")
            }
        }
    }

    private func writeAll(_ bytes: [UInt8], to file: Int32, path: String) throws {
        try bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(file, buffer.baseAddress! + done, buffer.count - done)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw Self.failure(errno, "cannot write \(path)")
                }
                done += count
            }
        }
    }

    private func hasSameBytes(_ bytes: [UInt8], name: String, in folder: Int32, path: String) throws -> Bool {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            // A link, a socket or a device: something else, whatever it says.
            if [ELOOP, ENXIO, ENODEV].contains(errno) { return false }
            throw Self.failure(errno, "cannot open the existing \(path)")
        }
        defer { close(file) }
        return try read(file, path: path, size: bytes.count) == bytes
    }

    /// - Parameter size: What it must have.
    /// - Returns: nil for what is no file, has another size, or cannot be read to its end.
    private func read(_ file: Int32, path: String, size: Int? = nil) throws -> [UInt8]? {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Self.failure(errno, "cannot look at the existing \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG, size == nil || Int(status.st_size) == size else { return nil }
        var existing = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < existing.count {
            let count = existing.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + done, $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            done += count
        }
        return existing
    }

    private func sync(_ descriptor: Int32, _ what: String) throws {
        // A failed fsync may have dropped the data; it is never tried again on the same file.
        guard fsync(descriptor) == 0 else { throw Self.failure(errno, "cannot make \(what) durable") }
    }

    /// What is in the way of a file below an output folder.
    static func failure(_ error: Int32, _ message: String) -> Failure {
        let kind = FileFault.kind(of: error)
        return Failure(
            code: kind.failureCode, message: "\(message): \(String(cString: strerror(error)))",
            isPermanent: kind.remedy == .discard)
    }

    /// What is in the way of the output folder itself: never the fault of a job.
    private static func rootFailure(_ error: Int32, _ message: String) -> Failure {
        let code = FileFault.kind(of: error).failureCode
        return Failure(
            code: code == .diskFull ? code : .ioError, message: "\(message): \(String(cString: strerror(error)))",
            isPermanent: false)
    }
}
