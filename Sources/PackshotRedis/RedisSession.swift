internal import CHiredis
internal import Foundation
internal import PackshotJobs

/// How long to wait for Redis before giving up.
package struct RedisTimeouts: Hashable, Sendable {
    /// For the connection to be made, and again for each answer to the log-in. Name resolution comes on top.
    package var connect: Duration
    /// For each read from and write to the socket, so for the server's silence, not for a whole transfer.
    package var command: Duration

    /// Three seconds and ten seconds.
    package static let standard = RedisTimeouts(connect: .seconds(3), command: .seconds(10))

    package init(connect: Duration, command: Duration) {
        precondition(connect > .zero && command > .zero, "timeouts are positive")
        self.connect = connect
        self.command = command
    }
}

/// One open connection: hiredis connects, reads and parses; commands are written by ``RESPBuffer``.
///
/// Not thread-safe: ``RedisConnection`` owns it. A session that failed once stays broken; its owner replaces it.
final class RedisSession {
    /// Name of the server, without secrets.
    let server: String
    let timeouts: RedisTimeouts
    /// The connection's number at the server, for `CLIENT UNBLOCK`; nil where `CLIENT ID` is not allowed.
    private(set) var clientID: Int64?
    /// True after a failure that leaves the stream of replies in doubt.
    private(set) var isBroken = false
    /// Replies not read yet.
    private(set) var outstanding = 0

    private let context: UnsafeMutablePointer<redisContext>
    private var output = RESPBuffer()
    /// The timeout the socket has now.
    private var patience: Duration

    /// Above this the output is sent although more commands follow.
    private static let flushThreshold = 1 << 16

    private init(owning context: UnsafeMutablePointer<redisContext>, server: String, timeouts: RedisTimeouts) {
        self.context = context
        self.server = server
        self.timeouts = timeouts
        patience = timeouts.connect
    }

    deinit {
        redisFree(context)
    }

    /// Connects, logs in and selects the database.
    /// - Throws: ``StoreError``: `.unreachable`, `.refused` while the server loads, `.configuration` for a wrong login.
    static func connect(to url: RedisURL, timeouts: RedisTimeouts) throws -> RedisSession {
        let server = url.description
        let limit = timeval(timeouts.connect)
        let opened =
            switch url.address {
            case .tcp(let host, let port): redisConnectWithTimeout(host, Int32(port), limit)
            case .unix(let path): redisConnectUnixWithTimeout(path, limit)
            }
        guard let opened else { throw RedisFailure.unreachable(server, "out of memory") }
        let session = RedisSession(owning: opened, server: server, timeouts: timeouts)
        guard opened.pointee.err == 0 else { throw session.broken() }
        _ = fcntl(opened.pointee.fd, F_SETFD, FD_CLOEXEC)
        if case .tcp = url.address, redisEnableKeepAlive(opened) != REDIS_OK { throw session.broken() }
        // A server that hangs accepts connections and answers nothing, so the log-in belongs to connecting.
        try session.setTimeout(timeouts.connect)
        try session.logIn(url)
        try session.setTimeout(timeouts.command)
        return session
    }

    // MARK: - Commands

    /// Writes a command of `count` arguments, its name included, to the output. Its reply must be read.
    func append(_ count: Int, _ write: (inout RESPBuffer) -> Void) throws {
        output.command(count)
        write(&output)
        precondition(output.isComplete, "a command has fewer arguments than announced")
        outstanding += 1
        if output.bytes.count > Self.flushThreshold { try flush() }
    }

    /// Writes a command of text arguments to the output. Its reply must be read.
    func append(_ arguments: [String]) throws {
        try append(arguments.count) { buffer in
            for argument in arguments { buffer.bulk(argument) }
        }
    }

    /// Sends the output.
    func flush() throws {
        guard !isBroken else { throw RedisFailure.unreachable(server, "the connection broke earlier") }
        var sent = 0
        while sent < output.bytes.count {
            let count = output.bytes.withUnsafeBytes { bytes in
                send(
                    context.pointee.fd, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else if errno != EINTR {
                throw broken(errno == EAGAIN ? "it takes no more data" : String(cString: strerror(errno)))
            }
        }
        output.removeAll()
    }

    /// Reads the next reply, whatever it is.
    func receiveAny<R>(_ body: (RedisNode) throws -> R) throws -> R {
        precondition(outstanding > 0, "no reply is due")
        if !output.bytes.isEmpty { try flush() }
        guard !isBroken else { throw RedisFailure.unreachable(server, "the connection broke earlier") }
        var pointer: UnsafeMutableRawPointer?
        guard redisGetReply(context, &pointer) == REDIS_OK, let pointer else { throw broken() }
        let reply = RedisReply(owning: pointer)
        outstanding -= 1
        return try reply.read(body)
    }

    /// Reads the next reply.
    /// - Throws: The error it is, if it is one.
    func receive<R>(_ body: (RedisNode) throws -> R) throws -> R {
        try receiveAny { node in
            if let error = node.error { throw RedisFailure.error(for: error, from: server) }
            return try body(node)
        }
    }

    /// Reads the replies of `count` commands, all of them, and drops them.
    /// - Throws: The first error among them, after the last was read.
    func receiveAll(_ count: Int) throws {
        var first: String?
        for _ in 0..<count {
            try receiveAny { node in
                if first == nil { first = node.error }
            }
        }
        if let first { throw RedisFailure.error(for: first, from: server) }
    }

    /// Sends one command and reads its reply.
    /// - Throws: The error it is, if it is one.
    func call<R>(_ arguments: [String], _ body: (RedisNode) throws -> R) throws -> R {
        try append(arguments)
        return try receive(body)
    }

    // MARK: - Waiting

    /// What ended a wait.
    enum Readiness {
        case readable, woken, timedOut
    }

    /// Sends the output and waits for the first byte of a reply, at most until `deadline` or until `signal` is raised.
    func waitReadable(until deadline: ContinuousClock.Instant, signal: WakeSignal?) throws -> Readiness {
        if !output.bytes.isEmpty { try flush() }
        var descriptors = [pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)]
        if let signal { descriptors.append(pollfd(fd: signal.descriptor, events: Int16(POLLIN), revents: 0)) }
        while true {
            let left = max(.zero, deadline - .now)
            let ready = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: left.milliseconds(.up)))
            if ready < 0, errno != EINTR { throw broken(String(cString: strerror(errno))) }
            if ready > 0 { return descriptors[0].revents != 0 ? .readable : .woken }
            if ready == 0 { return .timedOut }
        }
    }

    /// True while the connection is whole and nothing has arrived that nobody asked for, such as its end.
    var isUsable: Bool {
        guard !isBroken, outstanding == 0 else { return false }
        var descriptor = pollfd(fd: context.pointee.fd, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) == 0
    }

    /// Gives the session up; it counts as broken from now on.
    func abandon() { isBroken = true }

    // MARK: - Private

    private func setTimeout(_ duration: Duration) throws {
        patience = duration
        guard redisSetTimeout(context, timeval(duration)) == REDIS_OK else { throw broken() }
    }

    private func logIn(_ url: RedisURL) throws {
        if let password = url.password {
            try append(["AUTH"] + (url.user.map { [$0] } ?? []) + [password])
            try receiveAny { node in
                guard let error = node.error else { return }
                let prefix = RedisFailure.prefix(of: error)
                if ["LOADING", "MASTERDOWN"].contains(prefix) || error.hasPrefix("ERR max number") {
                    throw RedisFailure.error(for: error, from: server)
                }
                // Some replies to AUTH repeat its arguments, so none is passed on.
                throw RedisFailure.error(for: "WRONGPASS", from: server)
            }
        }
        if url.database != 0 {
            try call(["SELECT", String(url.database)]) { _ in }
        }
        // Both are courtesies, which an ACL may forbid.
        try append(["CLIENT", "SETNAME", "packshot"])
        try append(["CLIENT", "ID"])
        try receiveAny { _ in }
        clientID = try receiveAny { $0.error == nil ? $0.integer : nil }
    }

    /// Marks the session as broken, because of hiredis's error or the one given.
    private func broken(_ reason: String? = nil) -> StoreError {
        isBroken = true
        if let reason { return RedisFailure.unreachable(server, reason) }
        let text = withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // The socket's timeout, as hiredis reports it; errno itself may have changed since.
        let isTimeout = context.pointee.err == REDIS_ERR_IO && text == String(cString: strerror(EAGAIN))
        return RedisFailure.unreachable(server, isTimeout ? "no answer within \(patience)" : text)
    }
}

private func timeval(_ duration: Duration) -> timeval {
    let (seconds, attoseconds) = duration.components
    var value = Foundation.timeval()
    value.tv_sec = Int(seconds)
    value.tv_usec = Int(attoseconds / 1_000_000_000_000)
    return value
}

extension Duration {
    /// Whole milliseconds, rounded to the side given.
    func milliseconds(_ rule: FloatingPointRoundingRule) -> Int64 {
        let (seconds, attoseconds) = components
        let perMillisecond: Int64 = 1_000_000_000_000_000
        let whole = seconds.multipliedReportingOverflow(by: 1000)
        guard !whole.overflow else { return seconds < 0 ? .min / 2 : .max / 2 }
        return whole.partialValue + attoseconds / perMillisecond
            + (rule == .up && attoseconds % perMillisecond > 0 ? 1 : 0)
    }
}
