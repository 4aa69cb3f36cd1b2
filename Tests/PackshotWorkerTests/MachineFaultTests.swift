import Foundation
import Logging
import PackshotJobs
import PackshotWorker
import Synchronization
import Testing

/// Files of a machine that has faults, in front of the real ones.
private final class FaultyFiles: ImageFiles {
    struct State {
        var saves = 0
        var probes = 0
        /// What every write meets.
        var fault: ImageFileStore.Failure?
        /// What writing one path meets.
        var faults: [String: ImageFileStore.Failure] = [:]
    }

    let state = Mutex(State())
    private let files = ImageFileStore()

    static func failure(_ code: ImageFileStore.Failure.Code) -> ImageFileStore.Failure {
        ImageFileStore.Failure(code: code, message: "cannot write: \(code)", isPermanent: false)
    }

    func set(_ fault: ImageFileStore.Failure?) { state.withLock { $0.fault = fault } }
    var saves: Int { state.withLock(\.saves) }
    var probes: Int { state.withLock(\.probes) }

    func save(_ bytes: [UInt8], as relativePath: String, in root: String) async throws {
        let fault = state.withLock { state in
            state.saves += 1
            return state.fault ?? state.faults[relativePath]
        }
        if let fault { throw fault }
        try await files.save(bytes, as: relativePath, in: root)
    }

    func replace(
        _ bytes: [UInt8], at relativePath: String, in root: String,
        deciding: (_ rename: @escaping @Sendable () throws -> Void) async throws -> Bool
    ) async throws -> Bool {
        try await files.replace(bytes, at: relativePath, in: root, deciding: deciding)
    }

    func contents(of relativePath: String, in root: String) throws -> [UInt8]? {
        try files.contents(of: relativePath, in: root)
    }

    func remove(_ relativePath: String, in root: String) throws { try files.remove(relativePath, in: root) }

    func probe(_ root: String, byteCount: Int) async throws {
        let fault = state.withLock { state in
            state.probes += 1
            return state.fault
        }
        if let fault { throw fault }
        try files.probe(root, byteCount: byteCount)
    }
}

/// Counts what is sampled: what is paid for.
private struct CountingGenerator: ImageGenerator {
    let base: SimulatedImageGenerator
    let count = Counter()
    /// Called with each image.
    let sampled: @Sendable () -> Void

    final class Counter: Sendable {
        private let value = Mutex(0)
        var now: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    var model: ModelRecord { base.model }
    var kernelClass: String { base.kernelClass }
    var threads: Int { base.threads }
    func prepare(_ prompt: String, cleaning: PromptCleaning?) throws -> PreparedPrompt {
        try base.prepare(prompt, cleaning: cleaning)
    }
    func embed(_ prompt: PreparedPrompt) throws -> [UInt8] { try base.embed(prompt) }
    func needsNegativePrompt(_ spec: GenerationSpec) -> Bool { false }
    func generate(
        _ spec: GenerationSpec, prompt: [UInt8], negativePrompt: [UInt8]?,
        onStep: (_ step: Int, _ steps: Int) throws -> Void
    ) async throws -> GeneratedImage {
        count.add()
        sampled()
        return try await base.generate(spec, prompt: prompt, negativePrompt: negativePrompt, onStep: onStep)
    }
}

@Suite("A machine's faults")
struct MachineFaultTests {
    private struct Setting {
        let fleet: MemoryFleet
        let files: FaultyFiles
        let generator: CountingGenerator
        let folder: String

        func worker() -> WorkerService {
            let machine = WorkerEnvironment.machine()
            return fleet.worker(
                generator: generator,
                environment: WorkerEnvironment(
                    clock: machine.clock, random: machine.random, threads: machine.threads, files: files,
                    endProcess: machine.endProcess)
            ) {
                $0.outputRoot = folder
                $0.drains = true
            }
        }

        var states: [JobState] { fleet.ledger.jobs.map(\.machine.state) }

        func wait(for what: String, _ condition: () -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while !condition() {
                try #require(ContinuousClock.now < deadline, "waited in vain for: \(what)")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    private func with(
        jobs: Int, maxAttempts: Int = 3, whenSampled: @escaping @Sendable (FaultyFiles) -> Void = { _ in },
        _ body: (Setting) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let fleet = try await MemoryFleet(jobs: jobs, maxAttempts: maxAttempts)
        let files = FaultyFiles()
        try await body(
            Setting(
                fleet: fleet, files: files,
                generator: CountingGenerator(
                    base: SimulatedImageGenerator(pace: .init(mean: 0.02, spread: 0), model: fleet.model)
                ) { whenSampled(files) }, folder: folder))
    }

    @Test func nothingIsClaimedBeforeTheFolderCanBeWritten() async throws {
        try await with(jobs: 3) { setting in
            setting.files.set(FaultyFiles.failure(.ioError))
            async let end: Void = setting.worker().run()
            try await setting.wait(for: "it looks again and again") { setting.files.probes >= 3 }
            #expect(setting.fleet.ledger.attempts.isEmpty)
            setting.files.set(nil)
            try await end
            #expect(setting.states == [.completed, .completed, .completed])
            #expect(setting.fleet.ledger.attempts.count == 3)
        }
    }

    /// A quota is used up amid the work, and the file system shows much room: each image is made once, however long it lasts.
    @Test func aQuotaThatIsUsedUpCostsNoImageTwice() async throws {
        try await with(jobs: 12, whenSampled: { $0.set(FaultyFiles.failure(.diskFull)) }) { setting in
            async let end: Void = setting.worker().run()
            try await setting.wait(for: "it finds out and looks again") { setting.files.probes >= 5 }
            let sampled = setting.generator.count.now
            #expect(sampled < 12, "it stops")
            try await setting.wait(for: "it goes on looking") { setting.files.probes >= 8 }
            #expect(setting.generator.count.now == sampled, "nothing more is sampled")
            #expect(!setting.states.contains(.retryable) && !setting.states.contains(.discarded))
            // Each image uses the quota up again; somebody makes room as often.
            let room = Task {
                while !Task.isCancelled {
                    setting.files.set(nil)
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            try await end
            room.cancel()
            #expect(setting.states.allSatisfy { $0 == .completed })
            #expect(setting.generator.count.now == 12, "what was made is written, not made anew")
            #expect(setting.fleet.ledger.jobs.allSatisfy { $0.machine.attempts <= 1 })
        }
    }

    /// Everything can be written but one image: that is the image's fault, which counts and comes to an end.
    @Test func aPlaceThatCannotBeWrittenIsTheJobsOwnFault() async throws {
        try await with(jobs: 3, maxAttempts: 1) { setting in
            setting.files.state.withLock { $0.faults["b/2.png"] = FaultyFiles.failure(.ioError) }
            try await setting.worker().run()
            #expect(setting.states == [.completed, .discarded, .completed])
            #expect(setting.generator.count.now == 3)
        }
    }

    /// The batch's folder is a link for a moment: nothing is written where it leads, and nothing is given up.
    @Test func aPathFaultThatPassesIsNotFinal() async throws {
        try await with(jobs: 2, maxAttempts: 1) { setting in
            let elsewhere = "\(setting.folder)-elsewhere"
            defer { try? FileManager.default.removeItem(atPath: elsewhere) }
            for folder in [setting.folder, elsewhere] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            let link = "\(setting.folder)/b"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: elsewhere)
            async let end: Void = setting.worker().run()
            try await setting.wait(for: "an image is refused") { setting.files.saves >= 2 }
            try FileManager.default.removeItem(atPath: link)
            try await end
            #expect(setting.states == [.completed, .completed])
            #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere).isEmpty)
        }
    }
}
