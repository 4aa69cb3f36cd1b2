internal import PackshotJobs

/// The meaning of what Redis and hiredis report, as ``StoreError``.
enum RedisFailure {
    /// The error for a RESP error reply.
    ///
    /// The prefixes are Redis's own (`server.c`, `acl.c`, `script.c` of 7.0); see redis.io, "Redis serialization protocol",
    /// section "Simple errors".
    /// - Parameters:
    ///   - reply: The reply's text; its first word is the prefix.
    ///   - server: The server's name without secrets.
    static func error(for reply: String, from server: String) -> StoreError {
        let prefix = self.prefix(of: reply)
        let (code, meaning): (StoreError.Code, String) =
            switch prefix {
            case "OOM":
                (.refused, "is out of memory; raise maxmemory or let the workers drain the queue")
            case "MISCONF":
                (.refused, "cannot save to its disk and takes no writes; see its log and free space")
            case "READONLY":
                (.refused, "is a read-only replica; connect to the primary")
            case "NOREPLICAS":
                (.refused, "takes no writes because too few replicas are attached (min-replicas-to-write)")
            case "LOADING":
                (.refused, "is still loading its data; it will answer when that is done")
            case "BUSY":
                (.refused, "is busy with a script")
            case "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN":
                (.refused, "does not answer requests for now (\(prefix))")
            case "NOGROUP", "UNBLOCKED", "NOSCRIPT":
                (.refused, "lost its data a moment ago; the next call sets up what is missing")
            case "NOAUTH":
                (.configuration, "wants a password; put it in the Redis URL")
            case "WRONGPASS":
                (.configuration, "refused the user or the password of the Redis URL")
            case "NOPERM":
                (.configuration, "does not allow this user what packshot needs: \(String(reply.prefix(200)))")
            case "MOVED", "ASK", "CROSSSLOT":
                (.configuration, "is a cluster; packshot needs a single Redis, with replicas if you like")
            case "WRONGTYPE":
                (.conflict, "holds a key of another type under a name that is ours; use another prefix")
            default:
                if reply.hasPrefix("ERR max number of clients") {
                    (.refused, "has too many connections (maxclients)")
                } else if reply.hasPrefix("ERR DB index") || reply.hasPrefix("ERR invalid DB index") {
                    (.configuration, "has no such database; check the number in the Redis URL")
                } else if reply.hasPrefix("ERR unknown command") || reply.hasPrefix("ERR unknown subcommand") {
                    // The rest of such a reply repeats the arguments, so it is not passed on.
                    (.configuration, "does not know a command that packshot needs; version 7 or newer is required")
                } else {
                    (.unexpected, "answered: \(String(reply.prefix(200)))")
                }
            }
        return StoreError(.redis, code, "Redis at \(server) \(meaning)", detail: prefix)
    }

    /// The error for a connection that could not be made or broke.
    /// - Parameter what: What happened, such as hiredis's `errstr`.
    static func unreachable(_ server: String, _ what: String) -> StoreError {
        StoreError(
            .redis, .unreachable,
            "Redis at \(server) cannot be reached: \(what). Check that it runs and that the Redis URL is right.")
    }

    /// The error for a reply of a shape that no Redis gives.
    static func nonsense(_ server: String, _ command: String) -> StoreError {
        StoreError(.redis, .unexpected, "Redis at \(server) gave an answer to \(command) that makes no sense")
    }

    /// The first word of an error reply, such as `OOM`.
    static func prefix(of reply: String) -> String { String(reply.prefix { $0 != " " }) }
}
