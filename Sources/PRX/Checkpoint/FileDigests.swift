internal import Digests
internal import Foundation
internal import Glibc

/// SHA-256 of files, remembered for large ones.
///
/// Hashing gigabytes of weights takes seconds, and workers start often. The digest of a file of 64 MB or more is kept in
/// `$XDG_CACHE_HOME/packshot/digests` (or `~/.cache/...`) under its path, inode, size, and the times of its last change to the
/// nanosecond, the inode's own included, which no program can set back. A cache that cannot be written is done without.
enum FileDigests {
    private static let smallestRemembered = 64_000_000

    /// A file's size in bytes and its SHA-256 (32 bytes).
    /// - Throws: ``PRXError`` `.badCheckpoint` when it cannot be read.
    static func sha256(of path: String) throws(PRXError) -> (size: Int, digest: [UInt8]) {
        var status = stat()
        guard stat(path, &status) == 0, let size = Int(exactly: status.st_size) else {
            throw PRXError(.badCheckpoint, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        // A pipe would be waited on, a device read for ever.
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw PRXError(.badCheckpoint, "\(path) is no regular file")
        }
        guard size >= smallestRemembered, let entry = cacheEntry(path, status) else { return (size, try hash(path)) }
        if let known = FileManager.default.contents(atPath: entry), known.count == 32 { return (size, Array(known)) }
        let digest = try hash(path)
        let folder = (entry as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? Data(digest).write(to: URL(fileURLWithPath: entry), options: .atomic)
        return (size, digest)
    }

    private static func cacheEntry(_ path: String, _ status: stat) -> String? {
        let environment = ProcessInfo.processInfo.environment
        let base = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { "\($0)/.cache" }
        guard let base, base.hasPrefix("/") else { return nil }
        let identity =
            "\(path)\u{0}\(status.st_dev):\(status.st_ino):\(status.st_size):\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec):\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
        return "\(base)/packshot/digests/\(SHA256Digest.hash(identity.utf8).hexadecimal)"
    }

    private static func hash(_ path: String) throws(PRXError) -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw PRXError(.badCheckpoint, "\(path) cannot be read")
        }
        var digest = SHA256Digest()
        do {
            while let piece = try file.read(upToCount: 4 << 20), !piece.isEmpty {
                piece.withUnsafeBytes { digest.update($0) }
            }
            try file.close()
        } catch {
            throw PRXError(.badCheckpoint, "\(path) cannot be read: \(error.localizedDescription)")
        }
        return digest.finish()
    }
}
