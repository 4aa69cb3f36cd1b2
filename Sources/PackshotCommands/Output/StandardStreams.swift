internal import Glibc

/// The three standard streams, as a program finds them: open, closed, full, limited, or with nobody at the other end.
enum StandardStreams {
    /// Makes them safe to use. Called before anything else opens a file.
    ///
    /// A stream that was closed is opened on `/dev/null`: the next file or socket would get its number, and what is said would
    /// go there. Nothing can be written to standard output then (a result that nobody gets is an error); standard error
    /// swallows what it is given. A write that fails answers with its error; no signal ends the process instead.
    static func prepare() {
        for (descriptor, mode) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one: those below are open by now.
            _ = open("/dev/null", mode)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Writes all of it.
    /// - Parameter patience: How long a pipe that takes nothing is waited for; nil for as long as it takes.
    /// - Returns: 0, or the error that kept the rest from being written.
    static func write(_ text: String, to descriptor: Int32, patience: Duration? = nil) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                if let patience, !isReady(descriptor, within: patience) { return EAGAIN }
                // A pipe that is ready takes so much without making anybody wait.
                let most = patience == nil ? bytes.count - written : min(Int(PIPE_BUF), bytes.count - written)
                let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, most)
                if count >= 0 {
                    written += count
                } else if errno == EAGAIN, patience == nil {
                    _ = isReady(descriptor, within: .seconds(60))
                } else if errno != EINTR {
                    return errno
                }
            }
            return 0
        }
    }

    private static func isReady(_ descriptor: Int32, within patience: Duration) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&waiting, 1, Int32(patience / .milliseconds(1))) != 0
    }

    /// Ends the process as one that does not mind SIGPIPE is ended: `packshot … | head` is no failure of ours.
    static func endForBrokenPipe() -> Never {
        signal(SIGPIPE, SIG_DFL)
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &only, nil)
        raise(SIGPIPE)
        exit(128 + SIGPIPE)
    }
}
