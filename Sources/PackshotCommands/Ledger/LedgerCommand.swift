package import ArgumentParser
internal import PackshotJobs
internal import PackshotPostgres
internal import PackshotRedis
internal import PackshotWorker

/// `packshot ledger`: who the ledger is, and where.
package struct LedgerCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Show who the ledger is; say what a copy of it is for, or that a folder moved.",
        discussion: """
            A ledger has an id, and remembers the PostgreSQL system and the database it lives in. Its queue in Redis and its output \
            folders remember both, so that no ledger touches what is another's. After a dump was restored, the id is there and \
            the system is another one: nothing is worked on until a person says whether the copy replaces the original (adopt) \
            or stands beside it (rename). A promoted standby needs neither.
            """,
        subcommands: [
            ShowLedgerCommand.self, AdoptLedgerCommand.self, RenameLedgerCommand.self, MoveLedgerCommand.self,
        ],
        defaultSubcommand: ShowLedgerCommand.self)

    package init() {}
}

/// A ledger's identity and how its surroundings stand to it.
struct LedgerSurroundings: Encodable {
    struct Folder: Encodable {
        let path: String
        /// `own`, `unmarked`, `other system`, `another ledger's`, `unreadable`, `not there` or `cannot be read`.
        let standing: String
    }

    let ledger: String
    let system: String
    let database: Int64
    /// False for a copy that nobody has adopted or renamed.
    let isAtHome: Bool
    let formerLedger: String?
    let redis: String
    let folders: [Folder]

    init(_ ledger: PostgresLedger, _ stores: Stores) async throws {
        let identity = try await ledger.identity()
        let mark = identity.mark
        self.ledger = mark.ledger.rawValue
        system = mark.home.system
        database = mark.home.database
        isAtHome = identity.isAtHome
        formerLedger = identity.former?.rawValue
        redis =
            (try? await QueueOwner(mark: mark, url: stores.redis).standing(RedisConnection(stores.redis)).name)
            ?? "unreachable"
        let marks = LedgerFolder(mark)
        folders = try await ledger.outputRoots().map { root in
            let standing: String
            do {
                standing = try marks.standing(of: root)?.name ?? "not there"
            } catch { standing = "cannot be read" }
            return Folder(path: root, standing: standing)
        }
    }

    var text: String {
        var lines = [
            "ledger    \(ledger)\(formerLedger.map { " (a copy of \($0))" } ?? "")",
            "home      PostgreSQL system \(system), database \(database)\(isAtHome ? "" : ": NOT WHERE IT IS NOW")",
            "redis     \(redis)",
        ]
        lines += folders.map { "folder    \($0.path): \($0.standing)" }
        if !isAtHome { lines.append("it is a copy: \(LedgerAdvice.copied)") }
        return lines.joined(separator: "\n")
    }
}

/// `packshot ledger show`.
package struct ShowLedgerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the ledger's id, its system, and how Redis and its folders stand to it.")

    @Flag(help: "Print it as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let stores = try Stores()
        let surroundings = try await LedgerSurroundings(stores.ledger(for: .identify).ledger, stores)
        if json { try Talk.json(surroundings) } else { Talk.result(surroundings.text) }
    }
}

/// `packshot ledger adopt`: the copy replaces the original, or a folder changes hands.
package struct AdoptLedgerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "This ledger replaces the original: its queue and its folders are this one's now.",
        discussion: """
            After a dump was restored in place of the original, or PostgreSQL was upgraded. If the original still runs, it is refused by \
            queue and folders from then on. With --out, takes a folder over from a ledger that is no more; the files in it stay.
            """)

    @Option(help: "Take over this folder only.")
    package var out: String?

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let stores = try Stores()
        if let out {
            let (ledger, _) = try await stores.ledger()
            let mark = try await ledger.identity().mark
            try LedgerFolder(mark).take(LedgerFolder.name(of: out, known: try await ledger.outputRoots()))
        } else {
            let (ledger, _) = try await stores.ledger(for: .identify)
            let before = try await ledger.identity()
            let mark = try await ledger.adopt().mark
            let owner = QueueOwner(mark: mark, url: stores.redis)
            let redis = RedisConnection(stores.redis)
            switch try await owner.standing(redis) {
            case .foreign, .unreadable: break
            case .own, .unmarked, .otherSystem: try await owner.take(redis)
            }
            try Marking(mark: mark, former: before.mark).markFolders(try await ledger.outputRoots())
        }
        try await Marking.report(stores, json: json)
    }
}

/// `packshot ledger rename`: the copy stands beside the original.
package struct RenameLedgerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "rename",
        abstract: "This ledger is a copy: it gets an id of its own and touches nothing of the original.",
        discussion: """
            Give it a prefix of its own in REDIS_URL (?prefix=NAME) and folders of its own: "packshot ledger move OLD NEW" for batches \
            it was copied with, another --out for new ones.
            """)

    @Flag(help: "Print the result as JSON.")
    package var json = false

    package init() {}

    package func run() async throws {
        let stores = try Stores()
        let (ledger, _) = try await stores.ledger(for: .identify)
        let before = try await ledger.identity()
        let mark = try await ledger.rename().mark
        let owner = QueueOwner(mark: mark, url: stores.redis)
        let redis = RedisConnection(stores.redis)
        // What this very database marked under its old name is its own still.
        let found = try await owner.standing(redis)
        if found == .unmarked || found == .foreign(LedgerMark(ledger: before.mark.ledger, home: mark.home)) {
            try await owner.take(redis)
        } else if let refusal = owner.refusal(found) {
            Talk.note("packshot: \(refusal.message)")
        }
        let marking = Marking(mark: mark, former: LedgerMark(ledger: before.mark.ledger, home: mark.home))
        for folder in try marking.markFolders(try await ledger.outputRoots()) {
            Talk.note(
                "packshot: \(folder) stays the original's: give this ledger's batches in it a copy of it, and say \"packshot ledger move \(folder) NEW\""
            )
        }
        try await Marking.report(stores, json: json)
    }
}

/// Marks what is a ledger's under the mark it had before.
private struct Marking {
    let mark: LedgerMark
    let former: LedgerMark

    /// - Returns: Folders that are there and stay another's.
    @discardableResult
    func markFolders(_ roots: [String]) throws -> [String] {
        let folders = LedgerFolder(mark)
        return try roots.filter { root in
            guard let standing = try folders.standing(of: root) else { return false }
            switch standing {
            case .own: return false
            case .unmarked, .otherSystem, .foreign(former):
                try folders.take(root)
                return false
            case .foreign, .unreadable: return true
            }
        }
    }

    static func report(_ stores: Stores, json: Bool) async throws {
        let surroundings = try await LedgerSurroundings(stores.ledger(for: .identify).ledger, stores)
        if json { try Talk.json(surroundings) } else { Talk.result(surroundings.text) }
    }
}
