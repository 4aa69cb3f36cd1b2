internal import Foundation
internal import Glibc

/// Small files of a checkpoint: regular ones of a bounded size, so that a pipe or a device in place of one neither hangs the
/// reader nor fills its memory.
enum PlainFile {
    /// - Throws: ``PRXError`` `.badCheckpoint` naming the file.
    static func contents(of path: String, atMost limit: Int, what: String) throws(PRXError) -> Data {
        // Opening a pipe for reading waits for somebody who writes, unless it is told not to.
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            throw PRXError(
                .badCheckpoint,
                errno == ENOENT
                    ? "\(path) is missing" : "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PRXError(.badCheckpoint, "\(path) is no regular file")
        }
        guard status.st_size <= limit else { throw PRXError(.badCheckpoint, "\(path): too large for \(what)") }
        guard let data = try? handle.read(upToCount: limit + 1) ?? Data() else {
            throw PRXError(.badCheckpoint, "\(path) cannot be read")
        }
        guard data.count <= limit else { throw PRXError(.badCheckpoint, "\(path): too large for \(what)") }
        return data
    }
}
