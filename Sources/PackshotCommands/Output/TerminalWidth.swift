internal import Foundation
internal import Glibc

/// How wide a terminal is, and text cut to fit.
package enum TerminalWidth {
    /// Columns of the terminal behind standard error: what the terminal says, else `COLUMNS`, else 80.
    static func ofStandardError() -> Int {
        var size = winsize()
        if ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
    }

    /// The beginning of a line that takes at most so many columns, ending in `…` if it was cut.
    package static func cut(_ line: String, to columns: Int) -> String {
        var used = 0
        var kept: [(character: Character, columns: Int)] = []
        for character in line {
            let width = self.width(of: character)
            if used + width > columns {
                while used >= max(1, columns), let last = kept.popLast() { used -= last.columns }
                return columns < 1 ? "" : String(kept.map(\.character)) + "…"
            }
            used += width
            kept.append((character, width))
        }
        return line
    }

    /// Two columns for East Asian wide characters and emoji, one for all others.
    private static func width(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        if scalar.properties.isEmojiPresentation { return 2 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
