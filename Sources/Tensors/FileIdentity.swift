internal import Glibc

/// Which file it is and since when it is as it is: whatever changes its bytes changes this.
public struct FileIdentity: Hashable, Sendable {
    /// The path it was opened by.
    public let path: String
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: [Int]
    private let changed: [Int]

    /// Of an open file.
    init(path: String, _ status: stat) {
        self.path = path
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }

    /// Of the file that a path leads to now; nil where there is none that can be looked at.
    public init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(path: path, status)
    }

    /// Whether it is this very file in this size, with only its times changed: that its mode or its links were changed does that, too.
    public func differsInTimesOnly(from other: FileIdentity) -> Bool {
        self != other && path == other.path && device == other.device && inode == other.inode && size == other.size
    }
}
