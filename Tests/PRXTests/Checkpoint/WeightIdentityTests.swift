import Foundation
import PRX
import PackshotTestSupport
import Testing

@Suite("Weights that change while they are in use")
struct WeightIdentityTests {
    private static let file = "transformer/diffusion_pytorch_model.safetensors"

    private func withCheckpoint(_ body: (PRXCheckpoint, _ weights: URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weights-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(atPath: Fixtures.demoModel, toPath: folder.path)
        let checkpoint = try PRXCheckpoint(path: folder.path)
        _ = try checkpoint.fingerprint()
        try checkpoint.verifyWeights()
        try body(checkpoint, folder.appendingPathComponent(Self.file))
    }

    private func expectChanged(_ checkpoint: PRXCheckpoint) {
        for _ in 0..<2 {
            let error = #expect(throws: PRXError.self) { try checkpoint.verifyWeights() }
            #expect(error?.code == .weightsChanged)
            #expect(error?.message.contains(Self.file) == true, "it names the file")
        }
    }

    @Test func whatIsOverwrittenInPlaceIsNoticed() throws {
        try withCheckpoint { checkpoint, weights in
            let handle = try FileHandle(forWritingTo: weights)
            try handle.seek(toOffset: handle.seekToEnd() - 8)
            try handle.write(contentsOf: Data([1, 2, 3, 4]))
            try handle.close()
            expectChanged(checkpoint)
        }
    }

    @Test func whatIsReplacedOrRemovedIsNoticed() throws {
        try withCheckpoint { checkpoint, weights in
            let bytes = try Data(contentsOf: weights)
            try bytes.write(to: weights, options: .atomic)
            expectChanged(checkpoint)
        }
        try withCheckpoint { checkpoint, weights in
            try FileManager.default.removeItem(at: weights)
            expectChanged(checkpoint)
        }
    }

    /// A changed mode changes the file's times, too, and not a byte.
    @Test func whatOnlyLooksChangedGoesOn() throws {
        try withCheckpoint { checkpoint, weights in
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: weights.path)
            try checkpoint.verifyWeights()
            try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: weights.path)
            try checkpoint.verifyWeights()
        }
    }
}
