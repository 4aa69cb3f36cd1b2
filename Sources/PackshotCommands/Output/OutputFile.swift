internal import Foundation
internal import Glibc

/// A file a person names for a command to write: `--output`, `--manifest`.
///
/// * A regular file, or none yet: written under another name beside it, synced and renamed, so that nobody sees half of it.
/// * A symbolic link: what it leads to is written; the link stays.
/// * Anything else (a pipe, a device, `/dev/stdout`): written in place. A device node is never replaced.
/// * Missing folders are made, and it is said which.
struct OutputFile {
    private enum Place {
        case beside(path: String, mode: mode_t)
        case inPlace(path: String)
        case descriptor(Int32)
    }

    private let given: String
    private let place: Place

    /// Looks where a path leads, and makes missing folders.
    /// - Throws: ``CommandError`` `.invalidInput` when nothing can be written there.
    init(_ path: String) throws(CommandError) {
        given = path
        if let descriptor = Self.descriptor(path) {
            place = .descriptor(descriptor)
            return
        }
        var status = stat()
        if stat(path, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFDIR: throw CommandError(.invalidInput, "\(path) is a folder; name a file")
            case S_IFREG:
                guard let real = realpath(path, nil) else { throw Self.refused(path, errno) }
                defer { free(real) }
                place = .beside(path: String(cString: real), mode: status.st_mode & 0o7777)
            default: place = .inPlace(path: path)
            }
        } else {
            guard errno == ENOENT else { throw Self.refused(path, errno) }
            let target = try Self.target(of: path)
            let folder = (target as NSString).deletingLastPathComponent
            try Self.make(folder.isEmpty ? "." : folder)
            place = .beside(path: target, mode: 0o666 & ~Self.mask)
        }
    }

    /// Where a draft of it may lie meanwhile: its own folder, or that of temporary files if it is no regular file.
    var draftFolder: String {
        guard case .beside(let path, _) = place else { return FileManager.default.temporaryDirectory.path }
        let folder = (path as NSString).deletingLastPathComponent
        return folder.isEmpty ? "." : folder
    }

    /// Puts bytes there, all of them, or throws and leaves what was there.
    /// - Throws: ``CommandError`` `.failure` with the reason.
    func write(_ bytes: [UInt8]) throws(CommandError) {
        try write { put throws(CommandError) in try put(bytes) }
    }

    /// Puts bytes there piece by piece.
    func write(_ body: (_ put: ([UInt8]) throws(CommandError) -> Void) throws(CommandError) -> Void)
        throws(CommandError)
    {
        switch place {
        case .descriptor(let descriptor):
            try body { piece throws(CommandError) in try self.put(piece, descriptor) }
        case .inPlace(let path):
            // A pipe is opened once somebody reads it, as by any program that writes to one.
            let file = open(path, O_WRONLY | O_CLOEXEC)
            guard file >= 0 else { throw failure(errno) }
            defer { close(file) }
            try body { piece throws(CommandError) in try self.put(piece, file) }
        case .beside(let path, let mode):
            let temporary = "\(path).\(getpid()).tmp"
            let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw failure(errno) }
            var isPlaced = false
            defer {
                close(file)
                if !isPlaced { unlink(temporary) }
            }
            try body { piece throws(CommandError) in try self.put(piece, file) }
            guard fchmod(file, mode) == 0, fsync(file) == 0, rename(temporary, path) == 0 else { throw failure(errno) }
            isPlaced = true
        }
    }

    private func put(_ bytes: [UInt8], _ file: Int32) throws(CommandError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count >= 0 { written += count } else if errno != EINTR { throw failure(errno) }
        }
    }

    private func failure(_ number: Int32) -> CommandError {
        CommandError(.failure, "\(given) cannot be written: \(String(cString: strerror(number)))")
    }

    private static func refused(_ path: String, _ number: Int32) -> CommandError {
        CommandError(.invalidInput, "\(path) cannot be written: \(String(cString: strerror(number)))")
    }

    /// `/dev/stdout` and its like name a stream that is open already: opening its file anew would begin at its start.
    private static func descriptor(_ path: String) -> Int32? {
        switch path {
        case "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default:
            for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
                return Int32(path.dropFirst(folder.count))
            }
            return nil
        }
    }

    /// Where a path leads whose end is not there: through links that point nowhere.
    private static func target(of path: String) throws(CommandError) -> String {
        var path = path
        for _ in 0..<40 {
            guard let next = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { return path }
            let folder = (path as NSString).deletingLastPathComponent
            path = next.hasPrefix("/") || folder.isEmpty ? next : "\(folder)/\(next)"
        }
        throw refused(path, ELOOP)
    }

    private static func make(_ folder: String) throws(CommandError) {
        var status = stat()
        if stat(folder, &status) == 0 { return }
        let parent = (folder as NSString).deletingLastPathComponent
        if !parent.isEmpty, parent != folder { try make(parent) }
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
            throw CommandError(.invalidInput, "cannot make the folder \(folder): \(String(cString: strerror(errno)))")
        }
        Talk.note("packshot: made the folder \(folder)")
    }

    private static var mask: mode_t {
        let mask = umask(0)
        umask(mask)
        return mask
    }
}
