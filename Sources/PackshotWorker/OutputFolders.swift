internal import Logging
internal import PackshotJobs

/// The output folders as this machine finds them: which can be written, which cannot, and why.
///
/// A folder is believed in after a real file was written there, synced and removed. One where an image could not be written is held
/// until such a file of that image's size can be: what a quota leaves is in no statistics. While a folder is held nothing is
/// claimed for it, and what comes all the same is handed back.
final class OutputFolders: Sendable {
    private struct Hold {
        var reason: String
        /// Size of the largest file that could not be written.
        var byteCount: Int
        var saidAt: Duration
        var lookAgainAt: Duration
        var pause: Duration
    }

    private struct State {
        var proven: Set<String> = []
        var held: [String: Hold] = [:]
    }

    /// Between two looks at a folder that is held, the first time and at most.
    private static let pauses = (shortest: Duration.milliseconds(250), longest: Duration.seconds(5))
    /// Between two lines of the log about one folder.
    private static let reminder = Duration.seconds(60)
    /// What is written to see whether a folder can be.
    private static let smallest = 1 << 16

    private let environment: WorkerEnvironment
    private let logger: Logger
    private let state = Monitor(State())

    init(environment: WorkerEnvironment, logger: Logger) {
        self.environment = environment
        self.logger = logger
    }

    /// What keeps this machine from writing images; nil when nothing does.
    var trouble: String? {
        state.read { state in
            state.held.isEmpty ? nil : state.held.sorted { $0.key < $1.key }.map(\.value.reason).joined(separator: "; ")
        }
    }

    /// Why nothing is to be made for a folder; nil when images can be written there, as far as is known.
    func reason(against root: String) -> String? { state.read { $0.held[root]?.reason } }

    /// An image was written.
    func wasWritten(in root: String) {
        let wasHeld = state.read { $0.held[root] != nil || !$0.proven.contains(root) }
        if wasHeld { release(root) }
    }

    /// Writes a file to see whether the folder takes it, and holds the folder or lets it go.
    /// - Parameter byteCount: The size of what could not be written.
    /// - Returns: True when it does.
    func look(at root: String, for byteCount: Int = 0) async -> Bool {
        let size = max(Self.smallest, byteCount, state.read { $0.held[root]?.byteCount ?? 0 })
        do {
            try await environment.files.probe(root, byteCount: size)
            release(root)
            return true
        } catch {
            if !Task.isCancelled { hold(root, because: "\(error)", byteCount: byteCount) }
            return false
        }
    }

    /// Whether images can be written in a folder: looks if that is not known, or if it could not be written some time ago.
    func isWritable(_ root: String) async -> Bool {
        let now = environment.clock.now
        let known = state.read { state -> Bool? in
            if let hold = state.held[root] { return hold.lookAgainAt > now ? false : nil }
            return state.proven.contains(root) ? true : nil
        }
        if let known { return known }
        return await look(at: root)
    }

    /// Returns when images can be written in a folder, or the worker stops.
    func waitUntilWritable(_ root: String, _ stop: StopSignal) async {
        while !stop.isStopping, !Task.isCancelled, await !isWritable(root) {
            let next = state.read { $0.held[root]?.lookAgainAt } ?? .zero
            await stop.sleep(
                for: max(.milliseconds(1), next - environment.clock.now), by: environment.clock)
        }
    }

    private func hold(_ root: String, because reason: String, byteCount: Int) {
        let now = environment.clock.now
        let isToBeSaid = state.change { state in
            let before = state.held[root]
            let isToBeSaid = before.map { $0.reason != reason || now - $0.saidAt >= Self.reminder } ?? true
            let pause = before.map { min($0.pause * 2, Self.pauses.longest) } ?? Self.pauses.shortest
            state.held[root] = Hold(
                reason: reason, byteCount: max(byteCount, before?.byteCount ?? 0),
                saidAt: isToBeSaid ? now : before?.saidAt ?? now, lookAgainAt: now + pause, pause: pause)
            return isToBeSaid
        }
        guard isToBeSaid else { return }
        logger.error("claiming nothing for a folder that cannot be written", metadata: ["error": "\(reason)"])
    }

    private func release(_ root: String) {
        let wasHeld = state.change { state in
            state.proven.insert(root)
            return state.held.removeValue(forKey: root) != nil
        }
        if wasHeld { logger.notice("the folder can be written again", metadata: ["folder": "\(root)"]) }
    }
}
