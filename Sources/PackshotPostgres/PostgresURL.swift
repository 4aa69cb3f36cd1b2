internal import CLibPQ
internal import Foundation
package import PackshotJobs

/// Where PostgreSQL is: a `postgresql://` URL or a libpq connection string, which may hold a password.
///
/// What cannot be read as the parts of an address is shown nowhere: a password with an unescaped `/` or `@` turns into a host, a
/// port or a database, and would be printed as one.
package struct PostgresURL: Sendable {
    /// The server and database, without user or password: for messages.
    package let shown: String
    package let connectionString: String
    /// What was given and is repeated by no message: passwords, and whatever does not look like what it is taken for.
    private let hidden: [String]
    /// True when something given holds quotes itself, so that nobody can say where a quotation ends.
    private let holdsQuotes: Bool

    /// Reads a URL or connection string, and adds timeouts where it has none: a link that is dead is known to be so after 20 to
    /// 25 seconds, at both ends, and what the lost session had locked is free then.
    /// - Throws: ``StoreError`` `.configuration`, not repeating the text.
    package init(_ text: String) throws(StoreError) {
        guard Self.hasOneReading(text), let given = Self.parse(text) else { throw Self.malformed }
        let hosts = Self.list(given["host"]) + Self.list(given["hostaddr"])
        let ports = Self.list(given["port"])
        guard hosts.allSatisfy({ Self.isHost($0) || $0.hasPrefix("/") || $0.hasPrefix("@") }),
            ports.allSatisfy({ (UInt16($0) ?? 0) > 0 })
        else { throw Self.malformed }

        var values = given
        for (key, value) in Self.defaults where given[key] == nil { values[key] = value }
        // Texts are UTF-8 at both ends, whatever PGCLIENTENCODING or the role says.
        values["client_encoding"] = "UTF8"
        // What the URL sets itself comes last and so counts.
        values["options"] = [Self.serverSettings, given["options"]].compactMap { $0 }.joined(separator: " ")
        connectionString = values.sorted { $0.key < $1.key }.map { key, value in
            let quoted = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
            return "\(key)='\(quoted)'"
        }.joined(separator: " ")

        let places =
            ["dbname", "service", "sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile"].compactMap { given[$0] }
            // Without a password, what stands for a user may be one.
            + [given["password"] == nil ? nil : given["user"]].compactMap { $0 }
        let ours = Set((hosts + ports + places).filter(Self.isPlain))
        hidden = (hosts + given.filter { $0.key != "host" && $0.key != "hostaddr" }.map(\.value)).filter {
            !$0.isEmpty && !ours.contains($0)
        }
        holdsQuotes = given.values.contains { $0.contains(where: Self.quotes.keys.contains) }
        let names = hosts.map { Self.isPlain($0) ? $0 : "a unix socket" }
        let host = names.isEmpty ? "the local socket" : names.joined(separator: ",")
        let port = ports.isEmpty ? "" : ":\(ports.joined(separator: ","))"
        let database = given["dbname"] ?? ""
        shown = "\(host)\(port)/\(Self.isPlain(database) ? database : "…")"
    }

    /// A message of libpq or of the server before it let us in, in one line. What it quotes of the address is left out, unless
    /// it is a plain part of it.
    package func redact(_ message: String) -> String {
        var text = message.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.joined(
            separator: "; ")
        // Between quotes libpq repeats what it was given; elsewhere the words are its own.
        var result = ""
        while let open = text.firstIndex(where: Self.quotes.keys.contains), let closing = Self.quotes[text[open]] {
            let start = text.index(after: open)
            let last = holdsQuotes ? text.lastIndex(of: closing) : text[start...].firstIndex(of: closing)
            let end = last.flatMap { $0 >= start ? $0 : nil }
            let inside = String(text[start..<(end ?? text.endIndex)])
            result += text[..<start] + (isHidden(inside) ? "…" : inside)
            text = String(text[(end ?? text.endIndex)...])
            if end != nil { result.append(text.removeFirst()) }
        }
        result += text
        for value in hidden where value.count > 2 { result = result.replacingOccurrences(of: value, with: "…") }
        return result
    }

    private static let quotes: [Character: Character] = ["\"": "\"", "»": "«", "«": "»", "„": "“", "“": "”"]

    private func isHidden(_ quoted: String) -> Bool {
        hidden.contains { value in
            guard value.count > 2 else { return value == quoted }
            // Not even a piece of it.
            let letters = Array(value)
            return (0...(letters.count - 3)).contains { quoted.contains(String(letters[$0..<($0 + 3)])) }
        }
    }

    private static let malformed = StoreError(
        .postgres, .configuration,
        "DATABASE_URL is no PostgreSQL URL, such as postgresql://user:password@host:5432/packshot; what is special in a "
            + "password (: / ? # [ ] @ % and spaces) is percent-encoded, / as %2F, @ as %40")

    private static let defaults = [
        "connect_timeout": "10", "application_name": "packshot", "keepalives_idle": "10", "keepalives_interval": "5",
        "keepalives_count": "3", "tcp_user_timeout": "20000",
    ]

    private static let serverSettings =
        "-c statement_timeout=120s -c idle_in_transaction_session_timeout=300s -c client_min_messages=warning "
        + "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=20000"

    // MARK: - Reading

    /// False for a URL that a person and libpq read differently: an `@` that does not end the log-in, or a second one.
    private static func hasOneReading(_ text: String) -> Bool {
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return false }
        guard let scheme = ["postgresql://", "postgres://"].first(where: text.hasPrefix) else { return true }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let afterwards = rest[authority.endIndex...]
        let path = afterwards.prefix { $0 != "?" }
        guard !path.contains("@"), !path.dropFirst().contains("/") else { return false }
        switch authority.filter({ $0 == "@" }).count {
        // `user:pass?word@host`: what looks like host and port is the beginning of a log-in.
        case 0: return authority.isEmpty || !afterwards.contains("@")
        case 1: return true
        default: return false
        }
    }

    /// The options that are set; nil for what libpq cannot read.
    private static func parse(_ text: String) -> [String: String]? {
        var error: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &error) else {
            PQfreemem(error)
            return nil
        }
        defer { PQconninfoFree(options) }
        var given: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { given[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return given
    }

    private static func list(_ value: String?) -> [String] {
        (value ?? "").split(separator: ",").map(String.init)
    }

    /// True for what can be a name or an address of a machine.
    private static func isHost(_ text: String) -> Bool {
        let isAddress =
            text.contains(":") && text.prefix { $0 != "%" }.allSatisfy { $0.isHexDigit || ":.".contains($0) }
        return text.unicodeScalars.allSatisfy { isWord($0) || "._-".unicodeScalars.contains($0) } || isAddress
    }

    /// True for what is shown as it is: names and paths of ordinary characters.
    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { isWord($0) || "/._-:,+ ~".unicodeScalars.contains($0) }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }
}
