import Foundation
import Glibc
import PackshotWorker
import Testing

@Suite("Files under their final names")
struct ImageFileStoreTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func files(_ folder: String) -> [String] {
        ((FileManager.default.enumerator(atPath: folder)?.allObjects as? [String]) ?? []).sorted()
    }

    @Test func bytesArriveAndNothingElseStays() throws {
        try withFolder { folder in
            try ImageFileStore().write([1, 2, 3], to: "b/s/s.main.0.png", in: "\(folder)/new/out")
            #expect(FileManager.default.contents(atPath: "\(folder)/new/out/b/s/s.main.0.png") == Data([1, 2, 3]))
            #expect(files("\(folder)/new/out") == ["b", "b/s", "b/s/s.main.0.png"])
        }
    }

    @Test func filesAreTakenAwayThroughNoLink() throws {
        try withFolder { folder in
            let store = ImageFileStore()
            try store.write([1], to: "b/a.png", in: folder)
            try store.remove("b/a.png", in: folder)
            try store.remove("b/a.png", in: folder)
            #expect(files(folder) == ["b"])
            #expect(try store.contents(of: "b/a.png", in: folder) == nil)
            try store.write([1], to: "b/a.png", in: folder)
            #expect(try store.contents(of: "b/a.png", in: folder) == [1])
            #expect(try store.contents(of: "b", in: folder) == nil, "a folder")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/c", withDestinationPath: "\(folder)/b")
            for path in ["c/a.png", "../\(folder)/b/a.png", "b/../b/a.png", "none/a.png"] {
                #expect(throws: ImageFileStore.Failure.self) { try store.remove(path, in: folder) }
                #expect(throws: ImageFileStore.Failure.self) { try store.contents(of: path, in: folder) }
            }
            #expect(files(folder).contains("b/a.png"))
        }
    }

    @Test func theSameBytesAreAdoptedAndOthersRefused() throws {
        try withFolder { folder in
            try ImageFileStore().write([1, 2, 3], to: "a.png", in: folder)
            try ImageFileStore().write([1, 2, 3], to: "a.png", in: folder)
            for bytes in [[1, 2, 4], [1, 2], []] as [[UInt8]] {
                let error = #expect(throws: ImageFileStore.Failure.self) {
                    try ImageFileStore().write(bytes, to: "a.png", in: folder)
                }
                #expect(error?.code == .differentFileExists)
            }
            #expect(FileManager.default.contents(atPath: "\(folder)/a.png") == Data([1, 2, 3]))
            try ImageFileStore().write([9], to: "a.png", in: folder, replacing: true)
            #expect(FileManager.default.contents(atPath: "\(folder)/a.png") == Data([9]))
            #expect(files(folder) == ["a.png"], "no temporary file is left")
        }
    }

    @Test(arguments: [
        "../x.png", "a/../../x.png", "/etc/x.png", "", "a//b.png", "./x.png", "a/./b.png", "a\u{0}b.png", "a/",
    ])
    func pathsThatLeadElsewhereAreRefused(path: String) throws {
        try withFolder { folder in
            let error = #expect(throws: ImageFileStore.Failure.self) {
                try ImageFileStore().write([1], to: path, in: "\(folder)/out")
            }
            #expect(error?.code == .pathRefused)
            #expect(files(folder).filter { $0.hasSuffix(".png") }.isEmpty)
        }
    }

    @Test func plantedLinksAreNotFollowed() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/out", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: "\(folder)/elsewhere", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/out/b", withDestinationPath: "\(folder)/elsewhere")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/out/x.png", withDestinationPath: "\(folder)/elsewhere/x.png")
            #expect(throws: ImageFileStore.Failure.self) {
                try ImageFileStore().write([1], to: "b/x.png", in: "\(folder)/out")
            }
            #expect(throws: ImageFileStore.Failure.self) {
                try ImageFileStore().write([1], to: "x.png", in: "\(folder)/out")
            }
            #expect(files("\(folder)/elsewhere").isEmpty)
        }
    }

    @Test func aNameThatIsTooLongIsRefused() throws {
        try withFolder { folder in
            let error = #expect(throws: ImageFileStore.Failure.self) {
                try ImageFileStore().write([1], to: String(repeating: "x", count: 300), in: folder)
            }
            #expect(error?.code == .pathRefused)
            #expect(files(folder).isEmpty)
        }
    }
}
