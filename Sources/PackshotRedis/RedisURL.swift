internal import Foundation
package import PackshotJobs

/// Where a Redis is, how to log in, and which part of it is ours.
///
/// ```
/// redis://[user[:password]@]host[:port][/database][?prefix=NAME]        port 6379, database 0
/// unix://[user[:password]@]/path/redis.sock[?db=N][&prefix=NAME]
/// ```
/// User, password and path are percent-decoded. `prefix` (default `packshot`) starts the name of every key, so that several
/// fleets can share a server. `rediss://` (TLS) is not supported; tunnel it to a socket instead.
package struct RedisURL: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The two kinds of socket.
    package enum Address: Hashable, Sendable {
        case tcp(host: String, port: UInt16)
        case unix(path: String)
    }

    package let address: Address
    package let user: String?
    /// Never in ``description``, and in no error.
    package let password: String?
    package let database: Int
    /// 1 to 64 letters, digits, `.`, `_`, `-` or `:`.
    package let prefix: String

    /// What ``prefix`` is when the URL does not say.
    package static let defaultPrefix = "packshot"

    /// Reads a URL.
    /// - Throws: ``StoreError`` `.configuration` that names the faulty part and repeats none of the URL's secrets.
    package init(_ text: String) throws(StoreError) {
        guard let separator = text.range(of: "://") else {
            throw Self.invalid("it does not start with redis:// or unix://")
        }
        var rest = text[separator.upperBound...]
        var query: [String: String] = [:]
        if let mark = rest.firstIndex(of: "?") {
            query = try Self.parameters(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        let place: Substring
        (user, password, place) = try Self.login(rest)

        switch text[..<separator.lowerBound].lowercased() {
        case "redis":
            let slash = place.firstIndex(of: "/") ?? place.endIndex
            address = try Self.tcpAddress(place[..<slash])
            let path = place[slash...].dropFirst()
            if !path.isEmpty, query["db"] != nil { throw Self.invalid("it names the database twice") }
            database = try Self.database(path.isEmpty ? query["db"] : String(path))
        case "unix":
            // sockaddr_un holds 108 bytes with its end mark, and hiredis cuts longer paths without a word.
            guard place.hasPrefix("/"), (place.removingPercentEncoding ?? "").utf8.count <= 107 else {
                throw Self.invalid("a unix:// URL needs an absolute socket path of at most 107 bytes")
            }
            address = .unix(path: try Self.decode(place, "path"))
            database = try Self.database(query["db"])
        case "rediss":
            throw Self.invalid("TLS (rediss://) is not supported; use a TLS tunnel and connect to its redis:// end")
        default:
            throw Self.invalid("it does not start with redis:// or unix://")
        }
        prefix = try Self.prefix(query["prefix"])
    }

    /// The same server with another key prefix.
    /// - Throws: ``StoreError`` `.configuration` for a prefix with other characters than ``prefix`` allows.
    package func with(prefix: String) throws(StoreError) -> RedisURL {
        RedisURL(
            address: address, user: user, password: password, database: database, prefix: try Self.prefix(prefix))
    }

    /// The URL without user and password, for people. A path that may hold more than a path is left out.
    package var description: String {
        switch address {
        case .tcp(let host, let port): "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .unix(let path): "unix://\(Self.isPlain(path) ? path : "…")\(database == 0 ? "" : "?db=\(database)")"
        }
    }

    /// Shows ``description`` only, so that `dump` and test failures do not show the password either.
    package var customMirror: Mirror { Mirror(self, children: ["url": description]) }

    private init(address: Address, user: String?, password: String?, database: Int, prefix: String) {
        self.address = address
        self.user = user
        self.password = password
        self.database = database
        self.prefix = prefix
    }

    // MARK: - Parts

    private static func invalid(_ what: String) -> StoreError {
        StoreError(
            .redis, .configuration,
            "the Redis URL cannot be used: \(what). It looks like redis://user:password@host:6379/0 "
                + "or unix:///run/redis.sock.")
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    private static func isPlain(_ path: String) -> Bool {
        path.unicodeScalars.allSatisfy { isWord($0) || "/._-+ ~@%".unicodeScalars.contains($0) }
    }

    private static func decode(_ part: Substring, _ name: String) throws(StoreError) -> String {
        guard let text = part.removingPercentEncoding else { throw invalid("its \(name) has a faulty %-escape") }
        return text
    }

    private static func login(
        _ rest: Substring
    ) throws(StoreError) -> (user: String?, password: String?, place: Substring) {
        // The last @ before the path ends the login, so that a password with an unescaped @ works too.
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return (nil, nil, rest) }
        let login = rest[..<at]
        let place = rest[rest.index(after: at)...]
        let colon = login.firstIndex(of: ":") ?? login.endIndex
        let user = try decode(login[..<colon], "user")
        let password = try colon == login.endIndex ? nil : decode(login[login.index(after: colon)...], "password")
        return (user.isEmpty ? nil : user, password, place)
    }

    private static func tcpAddress(_ place: Substring) throws(StoreError) -> Address {
        var host = place
        var port: Substring = ""
        if place.hasPrefix("[") {
            guard let bracket = place.firstIndex(of: "]") else { throw invalid("its [ has no ]") }
            host = place[place.index(after: place.startIndex)..<bracket]
            port = place[place.index(after: bracket)...]
            guard port.isEmpty || port.hasPrefix(":") else { throw invalid("something follows its ]") }
            port = port.dropFirst()
        } else if let colon = place.firstIndex(of: ":") {
            host = place[..<colon]
            port = place[place.index(after: colon)...]
        }
        guard !host.isEmpty else { throw invalid("it names no host") }
        // `host,password=word` and the like are other programs' forms; they would be shown as a host's name.
        guard host.unicodeScalars.allSatisfy({ isWord($0) || "._-:%".unicodeScalars.contains($0) }) else {
            throw invalid("its host has characters that no host's name has")
        }
        guard !port.isEmpty else { return .tcp(host: String(host), port: 6379) }
        guard port.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(port), number > 0 else {
            throw invalid("its port is not a number from 1 to 65535")
        }
        return .tcp(host: String(host), port: number)
    }

    private static func parameters(_ query: Substring) throws(StoreError) -> [String: String] {
        var parameters: [String: String] = [:]
        for part in query.split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(sides[0])
            guard name == "db" || name == "prefix" else {
                throw invalid("it has a parameter other than db and prefix")
            }
            guard sides.count == 2, parameters.updateValue(try decode(sides[1], name), forKey: name) == nil else {
                throw invalid("its parameter \(name) has no value, or two")
            }
        }
        return parameters
    }

    private static func database(_ text: String?) throws(StoreError) -> Int {
        guard let text else { return 0 }
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text), number <= 1_000_000 else {
            throw invalid("its database is not a number")
        }
        return number
    }

    private static func prefix(_ text: String?) throws(StoreError) -> String {
        guard let text else { return defaultPrefix }
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "._-:".utf8.contains(byte)
            }
        }
        guard isAllowed, (1...64).contains(text.utf8.count) else {
            throw invalid("its prefix is not 1 to 64 letters, digits, '.', '_', '-' or ':'")
        }
        return text
    }
}
