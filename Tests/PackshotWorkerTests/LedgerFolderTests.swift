import Foundation
import PackshotJobs
import PackshotWorker
import Testing

@Suite("Whose a folder is")
struct LedgerFolderTests {
    private static func mark(_ id: String, system: String = "1") -> LedgerMark {
        LedgerMark(ledger: LedgerID(rawValue: id), home: LedgerHome(system: system, database: 5))
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func write(_ path: String, for mark: LedgerMark, in folder: String) -> ImageFileStore.Failure.Code? {
        do {
            try ImageFileStore(of: mark).write([1], to: path, in: folder)
            return nil
        } catch { return (error as? ImageFileStore.Failure)?.code }
    }

    /// Whoever comes first has it, and nobody else's files are written or removed there, whatever the order.
    @Test func theFirstLedgerHasTheFolder() throws {
        try withFolder { folder in
            #expect(write("a.png", for: Self.mark("x"), in: folder) == nil)
            for other in [Self.mark("y"), Self.mark("x", system: "2")] {
                #expect(write("b.png", for: other, in: folder) == .foreignFolder)
                try ImageFileStore(of: other).remove("a.png", in: folder)
                #expect(throws: ImageFileStore.Failure.self) {
                    try ImageFileStore(of: other).probe(folder, byteCount: 1)
                }
            }
            #expect(FileManager.default.fileExists(atPath: "\(folder)/a.png"))
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/b.png"))
            #expect(write("b.png", for: Self.mark("x"), in: folder) == nil)
            try ImageFileStore(of: Self.mark("x")).remove("a.png", in: folder)
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/a.png"))
        }
    }

    /// Many at the same moment: one mark, whole.
    @Test func ofManyAtOnceOneHasTheFolder() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let winners = await withTaskGroup { group in
            for number in 0..<24 {
                group.addTask { self.write("\(number).png", for: Self.mark("\(number)"), in: folder) == nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/.packshot") == ["ledger"])
    }

    /// A folder that was wiped, or whose disk is another one now, is marked by whoever writes next.
    @Test func aWipedFolderIsMarkedAnew() throws {
        try withFolder { folder in
            #expect(write("a.png", for: Self.mark("x"), in: folder) == nil)
            try FileManager.default.removeItem(atPath: folder)
            #expect(write("a.png", for: Self.mark("x"), in: folder) == nil)
            #expect(try LedgerFolder(Self.mark("x")).standing(of: folder) == .own)
        }
    }

    @Test func aFolderInsideAnothersIsAnothers() throws {
        try withFolder { folder in
            #expect(write("b/a.png", for: Self.mark("x"), in: folder) == nil)
            #expect(throws: ImageFileStore.Failure.self) {
                try LedgerFolder(Self.mark("y")).claimIfThere("\(folder)/b")
            }
            #expect(throws: ImageFileStore.Failure.self) {
                try LedgerFolder(Self.mark("y")).claimIfThere("\(folder)/new/deeper")
            }
            try LedgerFolder(Self.mark("x")).claimIfThere("\(folder)/b")
        }
    }

    @Test func whatIsNoMarkIsNobodysToOverwrite() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(
                atPath: "\(folder)/.packshot", withIntermediateDirectories: false)
            try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(folder)/.packshot/ledger"))
            #expect(write("a.png", for: Self.mark("x"), in: folder) == .foreignFolder)
            try LedgerFolder(Self.mark("x")).take(folder)
            #expect(write("a.png", for: Self.mark("x"), in: folder) == nil)
        }
    }

    @Test func aMarkIsReadAsItWasWritten() {
        let mark = Self.mark("a5")
        #expect(LedgerMark(text: mark.text) == mark)
        #expect(MarkStanding(of: "x", to: mark) == .unreadable)
        #expect(MarkStanding(of: nil, to: mark) == .unmarked)
    }

    /// Of several names of one folder, the ledger's own goes on; without one, the name without links.
    @Test func aFolderHasOneName() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/real", withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/link", withDestinationPath: "\(folder)/real")
            #expect(LedgerFolder.name(of: "\(folder)/link", known: []) == "\(folder)/real")
            #expect(LedgerFolder.name(of: "\(folder)/link/new/x", known: []) == "\(folder)/real/new/x")
            #expect(LedgerFolder.name(of: "\(folder)/link", known: ["\(folder)/link"]) == "\(folder)/link")
            #expect(LedgerFolder.name(of: "\(folder)/real", known: ["\(folder)/link"]) == "\(folder)/link")
        }
    }
}
