import Foundation
import Testing

extension IntegrationTests {
    /// Two ledgers, or one and its copy, on one folder and one Redis: refused or told apart, and nothing of the other's touched.
    @Suite("Whose a queue and a folder are")
    struct LedgerIdentityTests {
        private static let adoptOrRename = ["packshot ledger adopt", "packshot ledger rename"]

        /// A finished batch of three images; gives their files' bytes.
        private static func finish(_ site: Site, rows: Int = 3) throws -> [String: Data] {
            let enqueued = try site.run([
                "enqueue", try site.catalog(rows: rows), "--model", Program.demoModel, "--out", site.out,
            ])
            try #require(enqueued.status == 0, "\(enqueued.errors)")
            try site.work()
            return try contents(site)
        }

        private static func contents(_ site: Site) throws -> [String: Data] {
            try Dictionary(
                uniqueKeysWithValues: site.files().map {
                    ($0, try Data(contentsOf: URL(fileURLWithPath: "\(site.out)/\($0)")))
                })
        }

        /// `rm -rf packshot-data`, and on with another prompt: the pictures of before are another ledger's now.
        @Test func aNewLedgerOnAnOldFolderDeletesNothing() async throws {
            try await Site.with { old in
                let pictures = try Self.finish(old)
                try #require(pictures.count == 3)
                try await Site.with { new in
                    let shots = try new.file(
                        "shots.yaml", "shots:\n  - name: main\n    prompt: another {{title}}\n    steps: 4\n")
                    let catalog = try new.catalog(rows: 3)
                    let refused = try new.run([
                        "enqueue", catalog, "--shots", shots, "--model", Program.demoModel, "--out", old.out,
                    ])
                    #expect(refused.status == 4)
                    #expect(refused.errors.contains("\(old.out) belongs to another ledger"), "\(refused.errors)")
                    #expect(try new.count("SELECT count(*) FROM batches") == 0, "nothing was written")
                    // Nor by a worker that is sent there.
                    _ = try new.run([
                        "enqueue", catalog, "--shots", shots, "--model", Program.demoModel, "--out", new.out,
                    ])
                    let worker = try new.run(
                        ["worker", "--simulate", "0", "--model", Program.demoModel, "--drain", "--out", old.out])
                    #expect(worker.status == 4 && worker.errors.contains("another ledger"), "\(worker.errors)")
                    #expect(try Self.contents(old) == pictures)
                    // The old ledger is really no more: its folder changes hands, its pictures stay.
                    #expect(try new.run(["ledger", "adopt", "--out", old.out]).status == 0)
                    #expect(
                        try new.run([
                            "enqueue", catalog, "--shots", shots, "--model", Program.demoModel, "--out", old.out,
                        ]).status == 0)
                    try new.work()
                    #expect(try Self.contents(old) == pictures, "files of another ledger are never replaced or removed")
                    #expect(
                        try new.sql("SELECT DISTINCT reason FROM dead_letters") == ["different_file_exists"])
                }
            }
        }

        @Test func anUpgradedInstallationMarksWhatIsItsOwn() async throws {
            try await Site.with { site in
                let pictures = try Self.finish(site)
                // As a version left it that knew no marks.
                try FileManager.default.removeItem(atPath: "\(site.out)/.packshot")
                try site.wipeRedis()
                _ = try site.run([
                    "enqueue", try site.catalog(rows: 4), "--model", Program.demoModel, "--out", site.out,
                ])
                try site.work()
                let after = try Self.contents(site)
                #expect(after.count == 4 && pictures.allSatisfy { after[$0.key] == $0.value })
                #expect(FileManager.default.fileExists(atPath: "\(site.out)/.packshot/ledger"))
                let shown = try site.run(["ledger", "--json"])
                #expect(shown.output.contains("\"redis\" : \"own\""), "\(shown.output)")
                #expect(shown.output.contains("\"standing\" : \"own\""), "\(shown.output)")
                #expect(try site.run(["audit", "--strict"]).status == 0)
            }
        }

        /// Both ledgers at one Redis under one prefix would take and throw away each other's jobs.
        @Test func twoLedgersOnOneQueueAreToldApart() async throws {
            try await Site.with { first in
                try await Site.with { second in
                    let redis = ["REDIS_URL": try #require(first.environment["REDIS_URL"])]
                    _ = try Self.finish(first)
                    let enqueue = [
                        "enqueue", try second.catalog(rows: 2), "--model", Program.demoModel, "--out", second.out,
                    ]
                    let worker = ["worker", "--simulate", "0", "--model", Program.demoModel, "--drain"]
                    for command in [enqueue, worker, ["reconcile"], ["doctor"], ["audit"]] {
                        let refused = try second.run(command, environment: redis)
                        #expect(refused.status == (command[0] == "audit" ? 7 : 5), "\(command) \(refused.errors)")
                        #expect((refused.errors + refused.output).contains("?prefix="), "\(refused.errors)")
                    }
                    #expect(try second.count("SELECT count(*) FROM batches") == 0)
                    // Wiped, the queue is whose who comes first.
                    try first.wipeRedis()
                    #expect(try second.run(enqueue, environment: redis).status == 0)
                    let refused = try first.run(["reconcile"])
                    #expect(refused.status == 5 && refused.errors.contains("?prefix="))
                    #expect(try second.run(worker, environment: redis).status == 0)
                    #expect(try second.count("SELECT count(*) FROM images") == 2)
                }
            }
        }

        /// A worker that runs when its queue changes hands takes nothing more from it, and throws nothing away.
        @Test func aWorkerWhoseQueueChangesHandsLetsItBe() async throws {
            try await Site.with { site in
                _ = try Self.finish(site)
                let worker = try site.start(["worker", "--simulate", "0", "--model", Program.demoModel])
                defer { worker.signal(SIGKILL) }
                try await site.wait(upTo: 60, for: "the worker") {
                    try site.count("SELECT count(*) FROM workers WHERE stopped_at IS NULL") == 1
                }
                try site.redis([
                    "SET", "PREFIX:ledger", "{\"home\":{\"database\":1,\"system\":\"1\"},\"ledger\":\"x\"}",
                ])
                // An entry of the other ledger, which this one would refuse and acknowledge.
                let lane = try site.redis(["--raw", "KEYS", "PREFIX:queue:*"]).split(separator: "\n").map(String.init)
                let key = try #require(lane.first)
                try site.redis(["XADD", key, "*", "j", "999999"])
                try await site.wait(upTo: 60, for: "the worker to say so") {
                    worker.errorsSoFar.contains("belongs to another ledger")
                }
                #expect(try site.redis(["XLEN", key]).contains("1"), "the other's job is still there")
            }
        }

        /// Back up and restore: the copy is told from the original, and does nothing until a person says what it is for.
        @Test func aRestoredDumpStandsBesideTheOriginal() async throws {
            try await Site.with { site in
                let pictures = try Self.finish(site)
                try await site.withRestoredDump { copy in
                    let environment = ["DATABASE_URL": copy]
                    let more = ["enqueue", try site.catalog(rows: 5), "--model", Program.demoModel, "--out", site.out]
                    let worker = ["worker", "--simulate", "0", "--model", Program.demoModel, "--drain"]
                    for command in [
                        more, worker, ["reconcile"], ["cancel", "catalog"], ["retry", "catalog"], ["doctor"],
                    ] {
                        let refused = try site.run(command, environment: environment)
                        #expect(refused.status == 5, "\(command): \(refused.errors)")
                        for way in Self.adoptOrRename {
                            #expect((refused.errors + refused.output).contains(way), "\(command): \(refused.errors)")
                        }
                    }
                    let status = try site.run(["status"], environment: environment)
                    #expect(status.status == 0 && status.errors.contains(Self.adoptOrRename[0]), "it can be read")

                    let renamed = try site.run(["ledger", "rename"], environment: environment)
                    #expect(renamed.status == 0, "\(renamed.errors)")
                    #expect(renamed.errors.contains("?prefix=") && renamed.errors.contains("stays the original's"))
                    // A ledger of its own now: not with the original's queue, not in its folder.
                    #expect(try site.run(more, environment: environment).status == 5)
                    let own = environment.merging(["REDIS_URL": try site.redisURL(suffix: "-copy")]) { $1 }
                    let elsewhere = try site.run(more, environment: own)
                    #expect(elsewhere.status == 4 && elsewhere.errors.contains("another ledger"), "\(elsewhere.errors)")
                    var ownFolder = more
                    ownFolder[ownFolder.count - 1] = "\(site.folder)/copy"
                    #expect(try site.run(ownFolder, environment: own).status == 0)
                    #expect(try site.run(worker, environment: own).status == 0)
                    #expect(FileManager.default.fileExists(atPath: "\(site.folder)/copy/.packshot/ledger"))
                    // The batch it was copied with gets a copy of the files.
                    try FileManager.default.copyItem(atPath: site.out, toPath: "\(site.folder)/files")
                    let moved = try site.run(
                        ["ledger", "move", site.out, "\(site.folder)/files"], environment: own)
                    #expect(moved.status == 0, "\(moved.errors)")
                    let sound = try site.run(["audit", "--strict"], environment: own)
                    #expect(sound.status == 0, "\(sound.output)")

                    // The original never noticed.
                    #expect(try Self.contents(site) == pictures)
                    #expect(try site.run(more).status == 0)
                    try site.work()
                    #expect(try site.files().count == 5)
                    let audit = try site.run(["audit", "--strict"])
                    #expect(audit.status == 0, "\(audit.output)")
                }
            }
        }

        @Test func aRestoredDumpReplacesTheOriginal() async throws {
            try await Site.with { site in
                // What the dump does not know any more: two images made after it.
                _ = try Self.finish(site)
                try await site.withRestoredDump { copy in
                    let later = ["enqueue", try site.catalog(rows: 5), "--model", Program.demoModel, "--out", site.out]
                    #expect(try site.run(later).status == 0)
                    try site.work()
                    let pictures = try Self.contents(site)
                    try #require(pictures.count == 5)

                    let environment = ["DATABASE_URL": copy]
                    let adopted = try site.run(["ledger", "adopt"], environment: environment)
                    #expect(adopted.status == 0, "\(adopted.errors)")
                    #expect(try site.run(later, environment: environment).status == 0)
                    let worker = try site.run(
                        ["worker", "--simulate", "0", "--model", Program.demoModel, "--drain"], environment: environment
                    )
                    #expect(worker.status == 0, "\(worker.errors)")
                    #expect(try Self.contents(site) == pictures, "the same jobs, the same files")
                    let audit = try site.run(["audit", "--strict"], environment: environment)
                    #expect(audit.status == 0, "\(audit.output)")
                    // The original, should it still run, does nothing any more.
                    for command in [later, ["reconcile"]] {
                        let refused = try site.run(command)
                        #expect(refused.status == 5 && refused.errors.contains("another system"), "\(refused.errors)")
                    }
                }
            }
        }

        /// One folder reached by two paths is one folder.
        @Test func aLinkedFolderIsTheFolder() async throws {
            try await Site.with { site in
                let pictures = try Self.finish(site)
                try FileManager.default.createSymbolicLink(
                    atPath: "\(site.folder)/link", withDestinationPath: site.out)
                let again = try site.run([
                    "enqueue", try site.catalog(rows: 3), "--model", Program.demoModel, "--out", "\(site.folder)/link",
                    "--json",
                ])
                #expect(again.status == 0 && again.output.contains("\"created\" : 0"), "\(again.output)\(again.errors)")
                try site.work()
                #expect(try Self.contents(site) == pictures)
                #expect(try site.run(["audit", "--strict"]).status == 0)
            }
        }

        @Test func aMovedFolderIsToldToTheLedger() async throws {
            try await Site.with { site in
                _ = try Self.finish(site)
                let new = "\(site.folder)/moved"
                try FileManager.default.moveItem(atPath: site.out, toPath: new)
                #expect(try site.run(["audit"]).status == 7)
                let picture = try #require(
                    FileManager.default.enumerator(atPath: new)?.compactMap { $0 as? String }
                        .first { $0.hasSuffix(".png") })
                try FileManager.default.moveItem(atPath: "\(new)/\(picture)", toPath: "\(site.folder)/aside.png")
                let lacking = try site.run(["ledger", "move", site.out, new])
                #expect(lacking.status == 8 && lacking.errors.contains("\(new)/\(picture)"), "\(lacking.errors)")
                try FileManager.default.moveItem(atPath: "\(site.folder)/aside.png", toPath: "\(new)/\(picture)")
                let moved = try site.run(["ledger", "move", site.out, new])
                #expect(moved.status == 0, "\(moved.errors)")
                #expect(try site.run(["audit", "--strict"]).status == 0)
                let again = try site.run([
                    "enqueue", try site.catalog(rows: 3), "--model", Program.demoModel, "--out", new, "--json",
                ])
                #expect(again.output.contains("\"created\" : 0"), "the same catalog there is known: \(again.output)")
            }
        }

        /// A file deleted by hand: the audit names it and says what to do, and its image is made again, paid for a second time.
        @Test func aCompletedImageWhoseFileIsGoneIsMadeAgain() async throws {
            try await Site.with { site in
                let pictures = try Self.finish(site)
                let gone = try #require(pictures.keys.min())
                let retry = ["retry", "catalog", "--where", "state=completed"]
                #expect(try site.run(retry).output.contains("0 jobs"), "nothing is gone yet")
                try FileManager.default.removeItem(atPath: "\(site.out)/\(gone)")
                let audit = try site.run(["audit"])
                #expect(audit.status == 7 && audit.output.contains(gone) && audit.output.contains("packshot retry"))
                // A disk that is not mounted is not a disk that lost its files.
                try FileManager.default.moveItem(atPath: site.out, toPath: "\(site.folder)/unmounted")
                for _ in 0..<2 {
                    let refused = try site.run(retry)
                    #expect(refused.status == 8 && refused.errors.contains("mount it"), "\(refused.errors)")
                    try? FileManager.default.createDirectory(atPath: site.out, withIntermediateDirectories: false)
                }
                try FileManager.default.removeItem(atPath: site.out)
                try FileManager.default.moveItem(atPath: "\(site.folder)/unmounted", toPath: site.out)

                let retried = try site.run(retry)
                #expect(retried.output.contains("1 jobs") && retried.errors.contains("2 images have their files"))
                try site.work()
                #expect(try Self.contents(site) == pictures)
                #expect(try site.sql("SELECT count(*), sum((state = 'completed')::int) FROM attempts") == ["4|4"])
                #expect(try site.count("SELECT count(*) FROM lost_images") == 1)
                let sound = try site.run(["audit", "--strict"])
                #expect(sound.status == 0, "\(sound.output)")
                #expect(try site.run(["cost", "--reconcile"]).status == 0)
            }
        }

        /// A worker with a folder of its own: audit and contact sheet find its images there.
        @Test func imagesOfAWorkerElsewhereAreFound() async throws {
            try await Site.with { site in
                let enqueued = try site.run([
                    "enqueue", try site.catalog(rows: 2), "--model", Program.demoModel, "--out", site.out,
                ])
                try #require(enqueued.status == 0, "\(enqueued.errors)")
                let worker = try site.run([
                    "worker", "--simulate", "0", "--model", Program.demoModel, "--drain", "--out",
                    "\(site.folder)/elsewhere",
                ])
                try #require(worker.status == 0, "\(worker.errors)")
                #expect(try site.files().isEmpty)
                let audit = try site.run(["audit", "--strict"])
                #expect(audit.status == 0, "\(audit.output)")
                let sheet = try site.run(["contact-sheet", "catalog", "--output", "\(site.folder)/sheet.png"])
                #expect(sheet.status == 0, "\(sheet.errors)")
                #expect(try site.run(["retry", "catalog", "--where", "state=completed"]).output.contains("0 jobs"))
            }
        }

        /// Forgotten batches leave their files; the audit no longer asks for their rows.
        @Test func forgottenBatchesLeaveASoundAudit() async throws {
            try await Site.with { site in
                _ = try Self.finish(site)
                _ = try site.sql("CALL forget_batches(interval '0')")
                try #require(try site.count("SELECT count(*) FROM images") == 0)
                #expect(try site.files().count == 3)
                let audit = try site.run(["audit", "--strict"])
                #expect(audit.status == 0, "\(audit.output)")
            }
        }
    }
}

extension Site {
    /// Works off what is queued, without a model.
    func work() throws {
        let worker = try run(["worker", "--simulate", "0", "--model", Program.demoModel, "--drain"])
        try #require(worker.status == 0, "\(worker.errors)")
    }

    func redisURL(suffix: String) throws -> String { try #require(environment["REDIS_URL"]) + suffix }

    /// What `redis-cli` answers; `PREFIX` stands for this site's.
    @discardableResult
    func redis(_ arguments: [String]) throws -> String {
        let url = try #require(environment["REDIS_URL"])
        let socket = try #require(url.split(separator: "?").first).dropFirst("unix://".count)
        let prefix = try #require(url.components(separatedBy: "prefix=").last)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["redis-cli", "-s", String(socket)] + arguments.map { $0.replacingOccurrences(of: "PREFIX", with: prefix) }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self)
    }

    /// Dumps the ledger and restores it into another database of the server; gives its URL.
    func withRestoredDump(_ body: (String) async throws -> Void) async throws {
        let url = try #require(environment["DATABASE_URL"])
        let name = "copy_" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        let copy = url.replacingOccurrences(of: #"/site_[0-9a-f]+\?"#, with: "/\(name)?", options: .regularExpression)
        try #require(copy != url)
        _ = try sql("CREATE DATABASE \(name)")
        do {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "bash", "-c", "set -o pipefail; pg_dump \"$0\" | psql -qX -v ON_ERROR_STOP=1 \"$1\" >/dev/null", url,
                copy,
            ]
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            try await body(copy)
        } catch {
            _ = try? sql("DROP DATABASE \(name) WITH (FORCE)")
            throw error
        }
        _ = try? sql("DROP DATABASE \(name) WITH (FORCE)")
    }
}
