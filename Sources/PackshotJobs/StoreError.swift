/// What went wrong with Redis or PostgreSQL.
///
/// `message` is for people: it names the server without its password, says what to do, and holds no SQL and no secrets.
package struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The server it is about.
    package enum Store: String, Sendable {
        case redis = "Redis"
        case postgres = "PostgreSQL"
    }

    /// What kind of trouble, and so what to do about it.
    package enum Code: String, Sendable {
        /// Cannot connect, or the connection broke. Trying again later can help.
        case unreachable
        /// The server refuses for now: out of memory, disk full, read-only, too many connections. Trying again can help.
        case refused
        /// The schema is missing, older or newer than this program, or was altered.
        case schema
        /// The server's settings make it unfit, such as an eviction policy that drops jobs.
        case configuration
        /// The request contradicts what is stored.
        case conflict
        /// No such row.
        case notFound
        /// More than one row is meant; the message names them.
        case ambiguous
        /// A fault of ours, or an answer that makes no sense.
        case unexpected
    }

    package let store: Store
    package let code: Code
    package let message: String
    /// SQLSTATE or Redis error prefix, when there was one.
    package let detail: String?

    package init(_ store: Store, _ code: Code, _ message: String, detail: String? = nil) {
        self.store = store
        self.code = code
        self.message = message
        self.detail = detail
    }

    /// True when the same call may succeed later without anybody doing anything to the request.
    package var isTransient: Bool { code == .unreachable || code == .refused }

    /// True when the request itself is at fault, and would be refused whenever it came. False while the server is: away, or
    /// without the schema, the settings or the rights it should have, which somebody will see to.
    package var isRefusedForGood: Bool {
        switch code {
        case .conflict, .notFound, .ambiguous: true
        case .unexpected: !(detail?.hasPrefix("42") ?? false) && !(detail?.hasPrefix("28") ?? false)
        case .unreachable, .refused, .schema, .configuration: false
        }
    }

    package var description: String { message }
}
