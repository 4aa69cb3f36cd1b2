internal import Foundation
internal import Glibc
internal import Synchronization

/// Where a command's words go: results to standard output, talk to standard error.
///
/// Nothing here ends the program: talk that cannot be written is dropped, and a result that could not be written is remembered
/// (``lostResult``), so that the exit code can say so.
enum Talk {
    /// A result, on standard output.
    static func result(_ text: String) {
        put(Printable.text(text))
    }

    /// A result of one line, whatever it is made of.
    static func line(_ text: String) {
        put(Printable.line(text))
    }

    /// A note to the person watching, on standard error.
    static func note(_ text: String) {
        _ = StandardStreams.write(Printable.text(text) + "\n", to: STDERR_FILENO)
    }

    /// A line of a log, on standard error. Whoever reads the log and stops reading does not stop the work: a line that finds
    /// no room within a second is dropped.
    static func log(_ line: String) {
        _ = StandardStreams.write(Printable.line(line) + "\n", to: STDERR_FILENO, patience: .seconds(1))
    }

    /// A line on standard error in place of the one before, on a terminal, cut to its width.
    static func rewrite(_ line: String) {
        let line = TerminalWidth.cut(Printable.line(line), to: TerminalWidth.ofStandardError() - 1)
        _ = StandardStreams.write("\r\u{1B}[K\(line)", to: STDERR_FILENO)
    }

    /// A value as one JSON document on standard output, keys in order, so that the same state prints the same bytes.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        put(Printable.json(String(decoding: try encoder.encode(value), as: UTF8.self)))
    }

    /// True when standard error is a terminal whose lines may be rewritten.
    static var isInteractive: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    private static let loss = Mutex<Int32>(0)

    /// Why a result could not be written, once one could not.
    static var lostResult: String? {
        let number = loss.withLock { $0 }
        switch number {
        case 0: return nil
        case EBADF: return "standard output is closed"
        default: return String(cString: strerror(number))
        }
    }

    private static func put(_ text: String) {
        guard lostResult == nil else { return }
        let failure = StandardStreams.write(text + "\n", to: STDOUT_FILENO)
        if failure == EPIPE { StandardStreams.endForBrokenPipe() }
        if failure != 0 { loss.withLock { $0 = failure } }
    }
}
