/// Commands in the Redis serialization protocol (RESP2), encoded and not yet sent.
///
/// Source: redis.io, "Redis serialization protocol specification": a command is an array of bulk strings. Encoding here,
/// instead of in hiredis, costs one copy a command and lets the socket be written with `MSG_NOSIGNAL`, which hiredis 0.14
/// does not do: a server that goes away must not end the process with SIGPIPE.
struct RESPBuffer {
    /// What is to be sent.
    private(set) var bytes: [UInt8] = []
    private var missing = 0

    /// Starts a command of `count` arguments, its name included; exactly so many `bulk` calls must follow.
    mutating func command(_ count: Int) {
        precondition(missing == 0 && count > 0, "the previous command is not complete")
        missing = count
        header("*", count)
    }

    /// Appends a text argument as UTF-8.
    mutating func bulk(_ text: String) {
        header("$", text.utf8.count)
        bytes.append(contentsOf: text.utf8)
        end()
    }

    /// Appends an argument of any bytes.
    mutating func bulk(_ data: [UInt8]) {
        header("$", data.count)
        bytes.append(contentsOf: data)
        end()
    }

    /// Appends an integer in decimal.
    mutating func bulk(_ number: Int64) { bulk(String(number)) }

    /// True between commands.
    var isComplete: Bool { missing == 0 }

    /// Empties the buffer, keeping its storage unless it is large.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
        missing = 0
    }

    private mutating func header(_ kind: Unicode.Scalar, _ count: Int) {
        bytes.append(UInt8(ascii: kind))
        bytes.append(contentsOf: String(count).utf8)
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func end() {
        precondition(missing > 0, "more arguments than the command announced")
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
        missing -= 1
    }
}
