internal import Logging
internal import PackshotJobs

/// A finished image whose file is not written.
struct UnwrittenImage: Sendable {
    let job: PreparedJob
    let root: String
    let bytes: [UInt8]
    let record: ImageRecord
    var stages: StageTimes
    var failure: ImageFileStore.Failure
    /// When it was given up at the latest, by the worker's clock.
    let keptUntil: Duration
    /// How often it could not be written while others can be.
    var ownFailures = 0
}

/// Finished images that could not be written: kept, and written again, for an image that is made is not to be made anew.
///
/// The machine may be at fault, or only the job's own place. A probe tells: while the folder as a whole cannot be written, its images
/// wait; one that cannot be written where a probe can, time and again, has itself to blame. An image is kept for a minute, or as
/// long as it took to make if that is longer: then it is handed back, uncounted, for a machine that can write it.
final class UnwrittenImages: Sendable {
    private struct State {
        var images: [UnwrittenImage] = []
        var isClosed = false
    }

    /// Within about four seconds; then the job's own fault it is.
    private static let ownFailures = 6

    private let folders: OutputFolders
    private let environment: WorkerEnvironment
    private let state = Monitor(State())

    init(folders: OutputFolders, environment: WorkerEnvironment) {
        self.folders = folders
        self.environment = environment
    }

    func add(_ image: UnwrittenImage) {
        state.change { $0.images.append(image) }
    }

    /// Says that nothing more will be added.
    func close() {
        state.change { $0.isClosed = true }
    }

    /// Writes what is added, until all is written or given up and ``close()`` was called, or the task is cancelled.
    /// - Parameters:
    ///   - write: Leaves an image's file.
    ///   - ended: Hears of each image that is written (nil) or not to be written any more.
    func run(
        write: (UnwrittenImage) async throws -> Void, ended: (UnwrittenImage, (any Error)?) -> Void
    ) async {
        while !Task.isCancelled {
            await state.wait { !$0.images.isEmpty || $0.isClosed }
            var backoff = Backoff(environment)
            var kept = state.change { state in
                defer { state.images = [] }
                return state.images
            }
            if kept.isEmpty { return }
            while !kept.isEmpty, !Task.isCancelled {
                await backoff.wait()
                kept = await tryOnce(kept, write: write, ended: ended)
                kept += state.change { state in
                    defer { state.images = [] }
                    return state.images
                }
            }
        }
    }

    private func tryOnce(
        _ images: [UnwrittenImage], write: (UnwrittenImage) async throws -> Void,
        ended: (UnwrittenImage, (any Error)?) -> Void
    ) async -> [UnwrittenImage] {
        var kept: [UnwrittenImage] = []
        var blocked: Set<String> = []
        for var image in images {
            do {
                try image.job.attempt.control.check()
                if !blocked.contains(image.root) {
                    let began = environment.clock.now
                    try await write(image)
                    image.stages.write = (environment.clock.now - began).wholeMicroseconds
                    folders.wasWritten(in: image.root)
                    ended(image, nil)
                    continue
                }
            } catch let failure as ImageFileStore.Failure where !failure.isPermanent {
                image.failure = failure
                if await folders.look(at: image.root, for: image.bytes.count) {
                    image.ownFailures += 1
                    if image.ownFailures >= Self.ownFailures {
                        ended(image, failure)
                        continue
                    }
                } else {
                    image.ownFailures = 0
                    blocked.insert(image.root)
                }
            } catch {
                ended(image, error)
                continue
            }
            if environment.clock.now >= image.keptUntil {
                ended(image, NotWritten(failure: image.failure))
            } else {
                kept.append(image)
            }
        }
        return kept
    }
}

/// The machine cannot write an image it has made; another may.
struct NotWritten: Error {
    let failure: ImageFileStore.Failure
}
