internal import Glibc

/// A file mapped into memory, read-only, for as long as this value lives.
///
/// The pages are shared with every process that maps the same file. `@unchecked Sendable`: the bytes are never written.
final class MappedFile: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    /// What it was when it was mapped.
    let identity: FileIdentity

    /// - Throws: ``TensorError`` `.unreadable`.
    init(path: String) throws(TensorError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw TensorError(.unreadable, "\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, let size = Int(exactly: status.st_size)
        else { throw TensorError(.unreadable, "\(path): not a regular file") }
        identity = FileIdentity(path: path, status)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), base != MAP_FAILED else {
            throw TensorError(.unreadable, "\(path): cannot be mapped: \(String(cString: strerror(errno)))")
        }
        bytes = UnsafeRawBufferPointer(start: base, count: size)
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
