internal import Foundation

/// A ledger's name for good, a UUID made with it. A dump carries it along.
package struct LedgerID: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

/// Where a ledger lives: one database of one PostgreSQL system.
///
/// A promoted standby has its primary's; a restored dump, another database of the same server or an upgraded server has not.
package struct LedgerHome: Hashable, Codable, Sendable, CustomStringConvertible {
    /// PostgreSQL's `system_identifier`; `0` where a server does not say it.
    package let system: String
    /// The database's oid: its name may change.
    package let database: Int64

    package init(system: String, database: Int64) {
        self.system = system
        self.database = database
    }

    package var description: String { "system \(system), database \(database)" }
}

/// What a ledger leaves where it works, in Redis and in output folders, so that nobody touches what is another's: who it is, and
/// where it lived then. Of a dump that was restored, only the first is true.
package struct LedgerMark: Hashable, Codable, Sendable, CustomStringConvertible {
    package let ledger: LedgerID
    package let home: LedgerHome

    package init(ledger: LedgerID, home: LedgerHome) {
        self.ledger = ledger
        self.home = home
    }

    /// One line of JSON, keys in order: the same mark, the same text.
    package var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Reads a mark back; nil for what is none.
    package init?(text: String) {
        guard let mark = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = mark
    }

    package var description: String { "ledger \(ledger) (\(home))" }
}

/// How something that carries a mark, or none, stands to a ledger.
package enum MarkStanding: Hashable, Sendable {
    case own
    /// Nobody's yet.
    case unmarked
    /// This ledger's id, from another system: either this ledger is a copy of the one that marked it, or the other way round.
    case otherSystem(LedgerMark)
    case foreign(LedgerMark)
    /// There is a mark, and it cannot be read.
    case unreadable

    /// - Parameter text: The mark as it was found; nil where there is none.
    package init(of text: String?, to ledger: LedgerMark) {
        guard let text else {
            self = .unmarked
            return
        }
        guard let mark = LedgerMark(text: text) else {
            self = .unreadable
            return
        }
        self =
            if mark == ledger { .own } else if mark.ledger == ledger.ledger { .otherSystem(mark) } else {
                .foreign(mark)
            }
    }

    /// One word, for people and JSON.
    package var name: String {
        switch self {
        case .own: "own"
        case .unmarked: "unmarked"
        case .otherSystem: "other system"
        case .foreign: "another ledger's"
        case .unreadable: "unreadable"
        }
    }
}

/// What to tell a person whose ledger is not what its surroundings remember.
package enum LedgerAdvice {
    /// The two ways on of a ledger that was copied.
    package static let copied =
        "\"packshot ledger adopt\" if it replaces the original, \"packshot ledger rename\" if it is a copy beside it"
}
