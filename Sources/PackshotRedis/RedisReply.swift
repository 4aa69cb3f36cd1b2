internal import CHiredis

/// The one owner of a reply that hiredis allocated. It frees the reply, with everything in it, when it goes.
struct RedisReply: ~Copyable {
    private let pointer: UnsafeMutablePointer<redisReply>

    /// Takes over a reply from `redisGetReply`.
    init(owning pointer: UnsafeMutableRawPointer) {
        self.pointer = pointer.assumingMemoryBound(to: redisReply.self)
    }

    deinit {
        freeReplyObject(pointer)
    }

    /// Lends the reply to a closure; the node must not leave it.
    borrowing func read<R>(_ body: (RedisNode) throws -> R) rethrows -> R {
        try body(RedisNode(pointer: pointer))
    }
}

/// A view of a reply or of a part of one, valid only inside ``RedisReply/read(_:)``.
struct RedisNode {
    fileprivate let pointer: UnsafeMutablePointer<redisReply>

    private var type: Int32 { pointer.pointee.type }

    /// True for RESP's nil bulk string and nil array.
    var isNil: Bool { type == REDIS_REPLY_NIL }

    /// True for an array.
    var isArray: Bool { type == REDIS_REPLY_ARRAY }

    /// The server's error text, such as `OOM command not allowed …`, if this is an error.
    var error: String? { type == REDIS_REPLY_ERROR ? text(lossy: ()) : nil }

    /// The number of an integer reply, or a string that is a decimal integer.
    var integer: Int64? {
        if type == REDIS_REPLY_INTEGER { return pointer.pointee.integer }
        return bytes.flatMap(Int64.init(decimal:))
    }

    /// The bytes of a string or status reply.
    var bytes: UnsafeRawBufferPointer? {
        guard type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS else { return nil }
        return UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len)
    }

    /// A string or status reply as text; bytes that are no UTF-8 are replaced.
    var string: String? { bytes == nil ? nil : text(lossy: ()) }

    /// Elements of an array; 0 for everything else.
    var count: Int { isArray ? pointer.pointee.elements : 0 }

    /// An element of an array.
    subscript(_ index: Int) -> RedisNode? {
        guard index < count, let element = pointer.pointee.element[index] else { return nil }
        return RedisNode(pointer: element)
    }

    private func text(lossy: Void) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len), as: UTF8.self)
    }
}

extension Int64 {
    /// Reads a whole decimal number from ASCII bytes, without allocating.
    /// - Returns: nil for anything else, such as an empty text, a plus sign, spaces or a number that does not fit.
    init?(decimal bytes: UnsafeRawBufferPointer) {
        let isNegative = bytes.first == UInt8(ascii: "-")
        let digits = bytes.dropFirst(isNegative ? 1 : 0)
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard (48...57).contains(byte) else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte - 48)
            let (next, carry) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
            guard !overflow, !carry else { return nil }
            value = next
        }
        self = value
    }
}
