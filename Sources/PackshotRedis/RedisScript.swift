internal import Synchronization

/// A Lua script that the server keeps by the SHA-1 of its text, so that versions of packshot never meet each other's.
///
/// It is sent as `EVALSHA` and loaded again when the server has forgotten it (`NOSCRIPT`: after a restart or
/// `SCRIPT FLUSH`).
final class RedisScript: Sendable {
    private let source: String
    private let digest = Mutex<String?>(nil)

    init(_ source: String) { self.source = source }

    /// Runs the script and reads its reply.
    /// - Throws: ``StoreError``, also for an error that the script ended with.
    func run<R>(
        on session: RedisSession, keys: [String], arguments: [String], _ body: (RedisNode) throws -> R
    ) throws -> R {
        if let digest = digest.withLock({ $0 }) {
            try append(digest, keys, arguments, to: session)
            let result: R?? = try session.receiveAny { node in
                guard let error = node.error else { return try body(node) }
                guard RedisFailure.prefix(of: error) == "NOSCRIPT" else {
                    throw RedisFailure.error(for: error, from: session.server)
                }
                return R??.none
            }
            if case .some(.some(let result)) = result { return result }
        }
        let fresh = try session.call(["SCRIPT", "LOAD", source]) { node in
            guard let digest = node.string else { throw RedisFailure.nonsense(session.server, "SCRIPT LOAD") }
            return digest
        }
        digest.withLock { $0 = fresh }
        try append(fresh, keys, arguments, to: session)
        return try session.receive(body)
    }

    private func append(
        _ digest: String, _ keys: [String], _ arguments: [String], to session: RedisSession
    ) throws {
        try session.append(["EVALSHA", digest, String(keys.count)] + keys + arguments)
    }
}
