internal import Foundation
internal import Glibc

/// A file that a `*_FILE` variable names: one short text, such as a URL with a password.
///
/// What went wrong is told without the path: somebody may have put the secret itself there.
enum SecretFile {
    private static let most = 65_536

    /// - Throws: ``CommandError`` `.invalidInput` naming the variable.
    static func text(_ path: String, named variable: String) throws(CommandError) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw refused(variable, "cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        // A pipe is fine, as `<(secret-tool …)` makes one; something without an end is not read to it.
        var bytes = [UInt8](repeating: 0, count: most)
        var count = 0
        while count < most {
            let more = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress.map { $0 + count }, most - count) }
            if more == 0 { break }
            if more > 0 {
                count += more
            } else if errno != EINTR {
                throw refused(variable, "cannot be read: \(String(cString: strerror(errno)))")
            }
        }
        guard count < most, let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
            throw refused(variable, "is no short text in UTF-8")
        }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else { throw refused(variable, "is empty") }
        return trimmed
    }

    private static func refused(_ variable: String, _ what: String) -> CommandError {
        CommandError(.invalidInput, "the file that \(variable) names \(what)")
    }
}
