internal import Foundation
internal import PackshotJobs

/// A flag that another thread can raise to end a `poll(2)`: a pipe whose reading end becomes readable.
final class WakeSignal: Sendable {
    /// The end to poll, readable while the signal is raised.
    let descriptor: Int32
    private let writeEnd: Int32

    /// - Throws: ``StoreError`` `.refused` when the process has no file descriptors left.
    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw StoreError(.redis, .refused, "cannot open a pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (descriptor, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writeEnd)
    }

    /// Raises the signal, from any thread. Raising it twice is the same as once: when the pipe is full, it is raised.
    func raise() {
        var byte: UInt8 = 1
        while write(writeEnd, &byte, 1) < 0, errno == EINTR {}
    }

    /// Lowers the signal.
    func lower() {
        var bytes: (UInt64, UInt64) = (0, 0)
        while read(descriptor, &bytes, MemoryLayout.size(ofValue: bytes)) > 0 {}
    }
}
