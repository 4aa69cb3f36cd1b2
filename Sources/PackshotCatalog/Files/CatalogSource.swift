internal import Foundation

/// A catalog as the command line names it: a file, `-` for standard input, or a pipe such as `<(…)`.
///
/// A submission reads its catalog more than once, so what can be read only once is first copied into a temporary file, which
/// has no name and is gone with this process however it ends.
package final class CatalogSource {
    /// A regular file that can be opened again and again while this object lives.
    package let path: String
    /// What to call it in messages.
    package let name: String
    /// Whether it can be read only once, and says nothing about what to call a batch.
    package let isPipe: Bool

    private var copy: Int32 = -1
    /// More than ten million rows; a pipe that never ends is refused here at the latest.
    private static let mostBytes = 8 << 30

    /// - Throws: ``CatalogError`` `.unreadable`, naming what it is instead of a catalog.
    package init(_ given: String) throws(CatalogError) {
        let isInput = given == "-"
        name = isInput ? "standard input" : given
        let file = isInput ? dup(0) : open(given, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw CatalogError(.unreadable, file: name, "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw CatalogError(.unreadable, file: name, "cannot be read: \(String(cString: strerror(errno)))")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG where !isInput && !given.hasPrefix("/dev/") && !given.hasPrefix("/proc/"):
            (path, isPipe) = (given, false)
            return
        case S_IFREG, S_IFIFO, S_IFSOCK:
            break
        case S_IFDIR:
            throw CatalogError(.unreadable, file: name, "is a folder: a CSV or TSV file is needed")
        case S_IFCHR where isatty(file) == 1:
            throw CatalogError(.unreadable, file: name, "is a terminal: a CSV or TSV file, or a pipe, is needed")
        case S_IFCHR where status.st_rdev == Self.nullDevice:
            break
        default:
            throw CatalogError(.unreadable, file: name, "is a device: a CSV or TSV file, or a pipe, is needed")
        }
        isPipe = true
        do throws(CatalogError) {
            copy = try Self.spool(file, name: name)
            path = "/proc/self/fd/\(copy)"
        } catch {
            path = given
            throw error
        }
    }

    deinit {
        if copy >= 0 { close(copy) }
    }

    private static let nullDevice = dev_t(1 << 8 | 3)

    private static func spool(_ file: Int32, name: String) throws(CatalogError) -> Int32 {
        let folder = FileManager.default.temporaryDirectory.path
        var template = Array("\(folder)/packshot-catalog-XXXXXX".utf8CString)
        let copy = mkstemp(&template)
        guard copy >= 0 else {
            throw CatalogError(
                .unreadable, file: name,
                "cannot be copied to \(folder): \(String(cString: strerror(errno))); TMPDIR names another folder")
        }
        unlink(template)
        _ = fcntl(copy, F_SETFD, FD_CLOEXEC)
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var total = 0
        while true {
            let count = read(file, &buffer, buffer.count)
            if count == 0 { return copy }
            if count < 0, errno == EINTR { continue }
            total += max(0, count)
            var fault = count < 0 ? "cannot be read: \(String(cString: strerror(errno)))" : nil
            if total > mostBytes { fault = "has more than \(mostBytes >> 30) GiB" }
            var written = 0
            while fault == nil, written < count {
                let step = buffer.withUnsafeBytes {
                    write(copy, $0.baseAddress?.advanced(by: written), count - written)
                }
                if step > 0 {
                    written += step
                } else if errno != EINTR {
                    fault =
                        "cannot be copied to \(folder): \(String(cString: strerror(errno))); TMPDIR names another folder"
                }
            }
            guard let fault else { continue }
            close(copy)
            throw CatalogError(.unreadable, file: name, fault)
        }
    }
}
