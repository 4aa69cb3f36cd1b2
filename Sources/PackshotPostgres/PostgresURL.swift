internal import CLibPQ
internal import Foundation
package import PackshotJobs

/// Where PostgreSQL is: a `postgresql://` URL or a libpq connection string, which may hold a password.
package struct PostgresURL: Sendable {
    /// The server and database, without user or password: for messages.
    package let shown: String
    let connectionString: String
    private let secrets: [String]

    /// Reads a URL or connection string, and adds timeouts where it has none: a link that is dead is known to be so after 20 to
    /// 25 seconds, at both ends, and what the lost session had locked is free then.
    /// - Throws: ``StoreError`` `.configuration`, not repeating the text.
    package init(_ text: String) throws(StoreError) {
        var error: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &error) else {
            PQfreemem(error)
            throw StoreError(
                .postgres, .configuration,
                "DATABASE_URL is no PostgreSQL URL, such as postgresql://user@host:5432/packshot")
        }
        defer { PQconninfoFree(options) }
        var values: [(String, String)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values.append((String(cString: keyword), String(cString: value))) }
            option += 1
        }
        let given = Dictionary(values, uniquingKeysWith: { $1 })
        for (key, value) in [
            ("connect_timeout", "10"), ("application_name", "packshot"), ("keepalives_idle", "10"),
            ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "20000"),
            (
                "options",
                "-c statement_timeout=120s -c idle_in_transaction_session_timeout=300s -c client_min_messages=warning "
                    + "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
                    + "-c tcp_user_timeout=20000"
            ),
        ] where given[key] == nil {
            values.append((key, value))
        }
        connectionString = values.map { key, value in
            let quoted = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
            return "\(key)='\(quoted)'"
        }.joined(separator: " ")
        secrets = ["password", "sslpassword"].compactMap { given[$0] }.filter { !$0.isEmpty }
        let host = given["host"] ?? given["hostaddr"] ?? "the local socket"
        let port = given["port"].map { ":\($0)" } ?? ""
        shown = "\(host)\(port)/\(given["dbname"] ?? "")"
    }

    /// A message of libpq in one line, without the password should it be in there.
    func redact(_ message: String) -> String {
        var text = message
        for secret in secrets { text = text.replacingOccurrences(of: secret, with: "***") }
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.joined(
            separator: "; ")
    }
}
